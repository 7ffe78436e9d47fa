package operator

import (
	"errors"
	"io"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/schema"
	"github.com/saksi-ledger/saksi/events/vocabulary"
)

// Validation is what a file of events is like.
type Validation struct {
	Events  int `json:"events"`
	Invalid int `json:"invalid"`
	// Problems are the first that is wrong with each invalid event, at most
	// [MaxProblems] of them.
	Problems []Problem `json:"problems"`
}

// MaxProblems is the most that a [Validation] lists.
const MaxProblems = 1000

// Problem is what is wrong with an event.
type Problem struct {
	Line int `json:"line"`
	// Path is where in the event: data.actor.kind, data.assets[3]. It is empty where
	// the whole of it is no event.
	Path    string `json:"path,omitempty"`
	Problem string `json:"problem"`
}

// problemOf says what an error means.
func problemOf(line int, err error) Problem {
	p := Problem{Line: line, Problem: err.Error()}
	if at, ok := errors.AsType[*schema.Error](err); ok {
		p.Path, p.Problem = at.Path, at.Message
	}
	return p
}

// Validate holds events, in any form of JSON that [connect.Read] knows, to the newest rule
// set's schemas: as [Client.Publish] takes them, or whole, of whoever may say them. It
// publishes nothing.
func Validate(r io.Reader, name string) (*Validation, error) {
	v := &Validation{Problems: []Problem{}}
	_, err := eachEvent(r, name, func(line int, raw []byte, err error) error {
		v.Events++
		if err == nil {
			err = validate(raw)
		}
		if err == nil {
			return nil
		}
		v.Invalid++
		if len(v.Problems) < MaxProblems {
			v.Problems = append(v.Problems, problemOf(line, err))
		}
		return nil
	})
	return v, err
}

// validate says what is wrong with an event. One with a specversion is whole, and
// judged as it stands; what else is missing in another is filled in before.
func validate(line []byte) error {
	var head struct {
		SpecVersion string `json:"specversion"`
		Source      string `json:"source"`
		Type        string `json:"type"`
	}
	_ = jsonv2.Unmarshal(line, &head) // what is wrong with it, the below say better
	r, err := events.ParseRecorder(strings.TrimPrefix(head.Source, "/"))
	if err != nil {
		r = sayer(head.Type)
	}
	if head.SpecVersion == "" {
		event, err := readHandmade(r, line)
		if err != nil {
			return err
		}
		return vocabulary.Check(event)
	}
	return vocabulary.CheckLine(line)
}

// sayer returns a recorder that may say a type.
func sayer(eventType string) events.Recorder {
	for _, r := range []events.Recorder{events.LedgerRecorder, events.RegistryRecorder("authority")} {
		if vocabulary.SaidBy(eventType, r) {
			return r
		}
	}
	r, _ := events.ParseRecorder("operator/facility/recorder")
	return r
}
