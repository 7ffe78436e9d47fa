package doctor

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/saksi-ledger/saksi/ops/home"
)

const (
	// alarmsFor is how long an alarm is worth telling.
	alarmsFor = 24 * time.Hour
	// staleAfter is how old what a running node writes down about itself may be.
	staleAfter = time.Minute
)

// pressure tells how close the node is to its bounds, and who brings it there.
func (e *examination) pressure() {
	p, err := e.home.Pressure()
	if errors.Is(err, os.ErrNotExist) {
		return // no node of now has run
	}
	if err != nil {
		e.add("stream", Warn, err.Error(), "")
		return
	}
	e.stream(p)
	now := time.Now()
	if len(p.Holds) == 0 && !recent(p.Alarms, now) {
		e.add("parties", OK, "nobody is held, and nobody was in the last day", "")
		return
	}
	var found []string
	for _, h := range p.Holds {
		found = append(found, fmt.Sprintf("%s is held until %s: %s", h.Party, h.Until.Format(time.RFC3339), h.What))
	}
	seen := map[string]int{}
	var others []string
	for _, a := range p.Alarms {
		if now.Sub(a.At) > alarmsFor {
			continue
		}
		key := a.Party + " " + a.Reason
		if seen[key]++; seen[key] > 1 || a.Party == "" || heldNow(p.Holds, a.Party) {
			continue
		}
		others = append(others, fmt.Sprintf("%s, %s: %s", a.Party, a.At.Format(time.RFC3339), a.What))
	}
	e.add("parties", Warn, strings.Join(append(found, others...), "; "),
		"ask them what they are doing; a hold ends by itself and doubles each time, saksi operator readmit ends it now, saksi operator suspend shuts them out (docs/hostile.md)")
}

func heldNow(holds []home.Alarm, party string) bool {
	for _, h := range holds {
		if h.Party == party {
			return true
		}
	}
	return false
}

func recent(alarms []home.Alarm, now time.Time) bool {
	for _, a := range alarms {
		if a.Party != "" && now.Sub(a.At) <= alarmsFor {
			return true
		}
	}
	return false
}

func (e *examination) stream(p home.Pressure) {
	if e.answers && time.Since(p.At) > staleAfter {
		e.add("stream", Warn, fmt.Sprintf("the node last looked at %s: the broker doesn't answer it, or floods may go unseen", p.At.Format(time.RFC3339)), "read what the node logs")
		return
	}
	if e.answers && !p.Away.IsZero() {
		e.add("broker", Fail, fmt.Sprintf("it has not answered since %s, for %s: what operators sign waits in their outboxes", p.Away.Format(time.RFC3339), time.Since(p.Away).Round(time.Second)),
			"bring it back: the node goes on by itself, and outboxes send what waits")
		return
	}
	found := fmt.Sprintf("%d messages have no leaf yet", p.Backlog)
	if p.StreamMost > 0 {
		found += fmt.Sprintf("; %.2f of %.2f GiB are used", float64(p.StreamBytes)/(1<<30), float64(p.StreamMost)/(1<<30))
	}
	switch {
	case !p.Takes:
		e.add("stream", Fail, found+"; the node takes nothing", "make room on the disk: it goes on by itself")
	case p.StreamMost > 0 && p.StreamBytes > p.StreamMost*9/10:
		e.add("stream", Fail, found, "when it is full publishers are refused, and outboxes keep what they have: give the stream EVENTS more bytes, or wait until what is a month old goes")
	case p.StreamMost > 0 && p.StreamBytes > p.StreamMost/2:
		e.add("stream", Warn, found, "see who publishes so much, and give the stream EVENTS more bytes before it is full")
	default:
		e.add("stream", OK, found, "")
	}
}
