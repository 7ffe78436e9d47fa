package report

import (
	_ "embed"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io"
	"slices"
	"strings"
	texttemplate "text/template"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/safetext"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

// Report is what a report is made of.
type Report struct {
	Statement *verify.Statement
	// Records are some of the leaves that the evidence is about, for a list of events:
	// More events are not listed.
	Records []verify.StatedRecord
	More    int
	// File is the evidence's name, Digest the SHA-256 of its bytes and Size how many they
	// are. TrustFile is the trust file's name, and Trust its SHA-256.
	File      string
	Digest    events.Digest
	Size      int64
	TrustFile string
	Trust     events.Digest
	// Made is when the report was, by the clock of whoever made it, with the program
	// Version.
	Made    time.Time
	Version string
	// Custody is what is known of whose hands the evidence went through. It may be empty.
	Custody []verify.StatedCustody
	// Certificate is the draft that follows the report: [CertificateS90A], or none.
	Certificate string
}

// CertificateS90A is the draft of a certificate for Malaysia's Evidence Act 1950,
// section 90A.
const CertificateS90A = "s90a"

// ErrUnknown is wrapped where there is no such language or certificate.
var ErrUnknown = errors.New("there is none such")

//go:embed report.html.tmpl
var htmlReport string

//go:embed report.txt.tmpl
var textReport string

// Languages are the tags of those that reports are in.
func Languages() []string { return []string{"en", "ms"} }

// HTML writes the report as one HTML file that refers to nothing outside of it.
func (r *Report) HTML(w io.Writer, language string) error {
	v, err := r.view(language)
	if err != nil {
		return err
	}
	t, err := htmltemplate.New("report").Funcs(htmltemplate.FuncMap(v.words.functions())).Parse(htmlReport)
	if err == nil {
		err = t.Execute(w, v)
	}
	if err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

// Text writes the report as text.
func (r *Report) Text(w io.Writer, language string) error {
	v, err := r.view(language)
	if err != nil {
		return err
	}
	t, err := texttemplate.New("report").Funcs(texttemplate.FuncMap(v.words.functions())).Parse(textReport)
	var text strings.Builder
	if err == nil {
		err = t.Execute(&text, v)
	}
	if err == nil {
		_, err = io.WriteString(w, wrapped(text.String()))
	}
	if err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

// view is the report as templates see it.
type view struct {
	*Report
	Language  string
	Groups    []group
	Whom      []whom
	Said      []string
	NotProven []string
	Events    []event
	words     words
}

// functions are those of the templates.
func (w words) functions() map[string]any {
	return map[string]any{"t": w.say, "events": w.events, "leaves": w.leaves, "left": w.left, "plain": plain, "isolate": isolate, "quote": quote}
}

// group is what is proven of one recorder.
type group struct {
	Recorder string
	Proven   []string
	When     string
}

// whom is somebody whose signature the evidence rests on.
type whom struct{ Kind, Name, Owner, Independent, What, Time string }

// event is a line of the list: Who and What tell it in words, and are the recorder's.
type event struct{ Ref, Time, Who, What, Recorder, Type, Digest string }

// Shown is how many events the evidence shows, of those that it is about.
func (v *view) Shown() int { return v.Statement.Events - v.Statement.Withheld }

// Glossary are the words that people who read no protocol don't know, by their keys.
func (v *view) Glossary() []string {
	return []string{"gloss.ledger", "gloss.leaf", "gloss.root", "gloss.rekor", "gloss.witness", "gloss.digest"}
}

func (r *Report) view(language string) (*view, error) {
	var w words
	switch language {
	case "en":
		w = english
	case "ms":
		w = malay
	default:
		return nil, fmt.Errorf("language %q: %w: want one of %s", language, ErrUnknown, strings.Join(Languages(), ", "))
	}
	if r.Certificate != "" && r.Certificate != CertificateS90A {
		return nil, fmt.Errorf("certificate %q: %w: want %s", r.Certificate, ErrUnknown, CertificateS90A)
	}
	v := &view{Report: r, Language: language, words: w}
	for i := range r.Statement.Groups {
		v.Groups = append(v.Groups, v.groupOf(&r.Statement.Groups[i]))
	}
	v.findWhom()
	v.sayRest()
	for _, record := range r.Records {
		for _, e := range record.Events {
			who, what := w.tell(&e, record.Facility)
			v.Events = append(v.Events, event{e.Ref.String(), w.eventTime(e.Time), who, what, record.Recorder, e.Type, e.Digest.String()})
		}
		for _, e := range record.Withheld {
			v.Events = append(v.Events, event{e.Ref.String(), "", "", w.say("withheld"), record.Recorder, "", e.Digest.String()})
		}
	}
	slices.SortStableFunc(v.Events, func(x, y event) int { return compareRefs(x.Ref, y.Ref) })
	return v, nil
}

func compareRefs(x, y string) int {
	a, errA := events.ParseRef(x)
	b, errB := events.ParseRef(y)
	if errA != nil || errB != nil {
		return 0
	}
	return a.Compare(b)
}

func (v *view) groupOf(g *verify.StatedGroup) group {
	out := group{Recorder: g.Recorder}
	say := func(key string, args ...any) { out.Proven = append(out.Proven, v.words.say(key, args...)) }
	switch shown := g.Events - g.Withheld; {
	case shown == 0:
	case g.First == g.Last:
		say("group.one", g.Recorder, v.words.events(shown), v.words.leaves(g.Leaves), g.First)
	default:
		say("group.said", g.Recorder, v.words.events(shown), v.words.leaves(g.Leaves), g.First, g.Last)
	}
	switch {
	case g.Withheld == 1:
		say("group.withheld.one")
	case g.Withheld > 1:
		say("group.withheld", g.Withheld)
	}
	for _, s := range g.Signers {
		party := s.Party
		if party == "" {
			party = v.words.say("the.ledger")
		}
		if s.Registered.Leaf == 0 {
			say("signer.genesis", s.KeyID, party)
		} else {
			say("signer", s.KeyID, party, s.By, s.Registered)
		}
		if s.Revoked != nil {
			say("revoked", s.KeyID, s.Revoked.By, s.Revoked.Event, quote(s.Revoked.Reason))
		}
	}
	if g.Operator != nil && g.Facility != nil && g.Declared != nil {
		say("registry", g.Operator.Operator, g.Operator.Country, g.Facility.String(), g.Facility.Country, string(g.Declared.Kind))
	}
	early, late := v.words.say("when.unknown"), v.words.say("when.unknown")
	if b := g.Interval.NotBefore; b != nil {
		early = v.words.say("when.by", v.words.moment(b.Time), v.named(b))
	}
	if b := g.Interval.NotAfter; b != nil {
		late = v.words.say("when.by", v.words.moment(b.Time), v.named(b))
	}
	out.When = v.words.say("when", early, late)
	if g.Outside > 0 {
		out.When += " " + v.words.say("when.ledger", verify.ClockSlack.String(), g.Outside)
	}
	if g.Interval.Contradicts {
		out.When += " " + v.words.say("when.contradicts")
	}
	return out
}

// named names who bounds a leaf in time.
func (v *view) named(b *verify.StatedBound) string {
	name := v.words.say("kind."+string(b.Kind)) + " " + b.By
	if !b.Independent {
		name += " (" + v.words.say("not.independent") + ")"
	}
	return name
}

func (v *view) independence(yes bool) string {
	if yes {
		return v.words.say("yes")
	}
	return v.words.say("no")
}

// findWhom lists whose signatures there are beside the ledger's.
func (v *view) findWhom() {
	s := v.Statement
	for _, c := range s.Cosigned {
		for _, w := range c.Cosignatures {
			v.Whom = append(v.Whom, whom{v.words.say("kind.witness"), w.Witness, w.Owner, v.independence(w.Independent), v.words.say("what.witness", v.words.leaves(c.Size)), v.words.moment(w.Time)})
		}
	}
	for _, t := range s.Timestamps {
		if t.Believed {
			v.Whom = append(v.Whom, whom{v.words.say("kind.timestamp"), t.Authority, t.Owner, v.independence(t.Independent), v.words.say("what.timestamp", v.words.leaves(t.Size)), v.words.moment(t.Time)})
		}
	}
	for _, a := range s.Anchors {
		if a.Believed {
			v.Whom = append(v.Whom, whom{v.words.say("kind.rekor"), a.Rekor, a.Owner, v.independence(a.Independent), v.words.say("what.rekor", v.words.leaves(a.Size), a.Index), v.words.moment(a.Time)})
		}
	}
}

// sayRest says what is only somebody's word, and what is not proven.
func (v *view) sayRest() {
	s := v.Statement
	for _, g := range s.Groups {
		from, to := v.words.moment(g.ReceivedFrom), v.words.moment(g.ReceivedTo)
		if from == to {
			v.Said = append(v.Said, v.words.say("said.received.one", g.Recorder, from))
		} else {
			v.Said = append(v.Said, v.words.say("said.received", g.Recorder, from, to))
		}
	}
	v.Said = append(v.Said, v.words.say("said.time"), v.words.say("said.content"), v.words.say("said.times"))

	open := func(key string, args ...any) { v.NotProven = append(v.NotProven, v.words.say(key, args...)) }
	open("open.true")
	hidden := uint64(0)
	for _, g := range s.Groups {
		hidden += g.Hidden
	}
	if hidden > 0 {
		open("open.all.hidden", v.words.events(hidden))
	} else {
		open("open.all")
	}
	if s.Withheld > 0 {
		open("open.withheld", s.Withheld)
	}
	independent, quorum, stamped := false, false, false
	for _, w := range v.Whom {
		independent = independent || w.Independent == v.words.say("yes")
	}
	for _, c := range s.Cosigned {
		quorum = quorum || c.Quorum
	}
	for _, t := range s.Timestamps {
		stamped = stamped || t.Believed
		if t.Revoked != "" {
			open("open.revoked", v.words.leaves(t.Size))
		}
	}
	if !independent {
		open("open.independent")
	}
	if !quorum {
		open("open.quorum")
	}
	open("open.registry")
	if stamped {
		open("open.revocation")
	}
	open("open.persons")
}

// plain is foreign text, or a sentence with some, for the text report.
func plain(v any) string { return safetext.Unisolate(safetext.Isolate(fmt.Sprint(v))) }

// isolate is the same for HTML, which the template escapes.
func isolate(v any) string { return safetext.Isolate(fmt.Sprint(v)) }

// quote is foreign text that could be taken for a sentence of the report.
func quote(v any) string { return safetext.Quote(fmt.Sprint(v)) }

// columns is the width of the text report: no terminal breaks its lines itself.
const columns = 79

// wrapped breaks the report's lines, and sets the rest of each in further than any line of the report begins, so that
// no foreign text begins a line.
func wrapped(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		line, end := strings.CutSuffix(line, "\n")
		indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
		b.WriteString(indent + safetext.Wrap(line[len(indent):], columns-len(indent), indent+"      "))
		if end {
			b.WriteByte('\n')
		}
	}
	return b.String()
}
