package report

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	jsonv2 "github.com/go-json-experiment/json"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

const (
	// mostTold is how many characters of a value are told: what people wrote can be long,
	// and the evidence has all of it.
	mostTold = 120
	// mostFields is how many values are told of an event that no words are made for.
	mostFields = 8
)

// data is what an event says, by the names that its schema has.
type data map[string]any

func (d data) text(name string) string {
	var s string
	switch v := d[name].(type) {
	case string:
		s = v
	case float64:
		s = strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		s = strconv.FormatBool(v)
	}
	if utf8.RuneCountInString(s) > mostTold {
		s = string([]rune(s)[:mostTold]) + "…"
	}
	return s
}

func (d data) object(name string) data {
	o, _ := d[name].(map[string]any)
	return o
}

// tell says in words who did what, of an event that is shown. All of it is the recorder's
// word.
func (w words) tell(e *verify.StatedEvent, facility *verify.StatedFacility) (who, what string) {
	var d data
	if err := jsonv2.Unmarshal(e.Data, &d); err != nil {
		d = nil // then its type is all that there is to tell
	}
	// A session that is closed may leave out what was said when it was opened.
	actor := d.object("actor")
	if actor == nil {
		actor = d.object("decider")
	}
	who = w.actor(actor)
	parts := []string{w.typeOf(e.Type)}
	if events.FamilyOf(e.Type) == "access" {
		parts = append(parts, w.access(d)...)
	} else {
		parts = append(parts, w.fields(d)...)
	}
	if facility != nil {
		parts = append(parts, w.say("told.at", facility.String(), w.country(facility.Country)))
	}
	return who, strings.Join(parts, "; ")
}

// typeOf names what kind of event it is.
func (w words) typeOf(eventType string) string {
	name := strings.TrimPrefix(eventType, "saksi.")
	if at := strings.LastIndex(name, ".v"); at > 0 {
		name = name[:at]
	}
	if text, ok := w["type."+name]; ok {
		return text
	}
	return strings.ReplaceAll(name, ".", " ")
}

// actor describes who touched it: a pseudonym, and whose side and from where.
func (w words) actor(a data) string {
	if a == nil {
		return ""
	}
	parts := []string{w.one("kind.", a.text("kind")), w.one("party.", a.text("party"))}
	employer := w.country(a.text("employerCountry"))
	if name := a.text("employer"); name != "" {
		employer = name + " (" + employer + ")"
	}
	if a.text("employerCountry") != "" {
		parts = append(parts, w.say("told.employer", employer), w.say("told.office", w.country(a.text("officeCountry"))), w.say("told.physical", w.country(a.text("physicalCountry"))))
	}
	parts = slices.DeleteFunc(parts, func(s string) bool { return s == "" })
	return a.text("id") + ": " + strings.Join(parts, ", ")
}

// access tells what an event of the access family says, as far as it does.
func (w words) access(d data) (parts []string) {
	add := func(key, text string) {
		if text != "" {
			parts = append(parts, w.say(key, text))
		}
	}
	add("told.operation", d.text("operation"))
	add("told.resource", d.object("resource").text("kind"))
	add("told.zone", d.text("zone"))
	add("told.door", d.text("door"))
	add("told.session", d.text("session"))
	add("told.request", d.text("request"))
	add("told.change", d.text("change"))
	add("told.key", d.text("key"))
	add("told.demand", d.text("demand"))
	add("told.order", d.text("order"))
	add("told.batch", d.text("batch"))
	add("told.class", d.text("dataClass"))
	add("told.decided", w.one("decided.", d.text("decidedBy")))
	add("told.access", w.one("access.", d.text("access")))
	add("told.outcome", w.one("outcome.", d.text("outcome")))
	add("told.ended", w.one("ended.", d.text("ended")))
	add("told.mode", w.one("mode.", d.text("mode")))
	add("told.from", w.country(d.object("from").text("country")))
	add("told.to", w.country(d.object("to").text("country")))
	add("told.to", w.country(d.text("toCountry")))
	add("told.reason", w.one("reason.", d.object("reason").text("code")))
	add("told.tenant", d.text("tenant"))
	return parts
}

// fields are the plain values at the top of what an event says.
func (w words) fields(d data) (parts []string) {
	for name := range d {
		if text := d.text(name); text != "" && !strings.HasPrefix(name, "_") {
			parts = append(parts, name+": "+w.one("", text))
		}
	}
	slices.Sort(parts)
	if len(parts) > mostFields {
		parts = append(parts[:mostFields], "…")
	}
	return parts
}

// one is the word for one of a few values, or the value where there is none.
func (w words) one(prefix, value string) string {
	if value == events.Unstated {
		return w.say("unstated")
	}
	if text, ok := w[prefix+value]; ok && prefix != "" {
		return text
	}
	return value
}

func (w words) country(code string) string {
	if code == events.UnknownCountry {
		return w.say("country.unknown")
	}
	return code
}

// eventTime is when an event says that it happened, to the second.
func (w words) eventTime(text string) string {
	if text == "" {
		return w.say("time.none")
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return text
	}
	return t.UTC().Format(time.RFC3339)
}

// moment writes a time to the second.
func (w words) moment(t time.Time) string {
	if t.IsZero() {
		return w.say("time.none")
	}
	return t.UTC().Format(time.RFC3339)
}
