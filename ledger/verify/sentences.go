package verify

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/saksi-ledger/saksi/events/safetext"
)

// maxRecords is the most leaves that are told one by one.
const maxRecords = 100

// statement says what was found. Nothing in it was believed without a check but what
// a sentence calls somebody's word.
func (v *verification) statement() *Statement {
	v.revocations()
	s := &Statement{
		Ledger: StatedLedger{
			Origin: v.ledger.Origin, Owner: v.ledger.Owner, Genesis: v.ledger.Genesis, Size: v.checkpoint.Size, Root: v.checkpoint.Root,
		},
		Events: len(v.bundle.About), Withheld: len(v.bundle.Withheld), Records: v.records, Groups: []StatedGroup{},
		Anchors: []StatedAnchor{}, Cosigned: []StatedCosigned{}, Timestamps: []StatedTimestamp{},
	}
	for _, g := range v.groups {
		s.Leaves += g.Leaves
		s.Groups = append(s.Groups, *g)
	}
	for _, a := range v.anchors {
		s.Anchors = append(s.Anchors, v.statedAnchor(a))
	}
	for _, c := range v.cosigned {
		s.Cosigned = append(s.Cosigned, v.statedCosigned(c))
	}
	for _, t := range v.timestamps {
		s.Timestamps = append(s.Timestamps, v.statedTimestamp(t))
	}
	if v.many {
		s.Records = []StatedRecord{}
		for i := range s.Groups {
			s.speakOfGroup(&s.Groups[i])
		}
	}
	for i := range s.Records {
		s.speakOf(&s.Records[i])
	}
	s.speakOfTree(v)
	s.speakOfWitnesses(v)
	s.speakOfTimestamps(v)
	s.speakOfLimits(v)
	return s
}

// state says of a leaf that the bundle is about what was found.
func (v *verification) state(l *openedLeaf) error {
	r := v.record(l)
	v.group(&r, l)
	switch {
	case v.many:
	case len(v.records) == maxRecords:
		v.many, v.records = true, nil
	default:
		one := r
		notBefore, notAfter := v.bounds(l)
		one.NotBefore, one.NotAfter = slices.Clone(notBefore), notAfter
		v.records = append(v.records, one)
	}
	if v.options.Record != nil {
		return v.options.Record(&r)
	}
	return nil
}

func (v *verification) record(l *openedLeaf) StatedRecord {
	m := l.envelope.Manifest
	r := StatedRecord{
		Leaf: l.index, Recorder: m.Recorder.String(), Manifest: l.envelope.ManifestDigest(), Incarnation: m.Incarnation,
		First: m.First, Count: uint64(len(m.Events)), Received: l.leaf.Received, Events: []StatedEvent{}, Interval: v.interval(l),
	}
	for _, e := range l.events {
		if l.isAbout(e.ref) {
			r.Events = append(r.Events, StatedEvent{
				Ref: e.ref, Sequence: m.First + uint64(e.ref.Event), Digest: e.digest, ID: e.ID, Type: e.Type, Subject: e.Subject, Time: e.Time, Data: e.Data,
			})
		}
	}
	for _, ref := range l.withheld {
		r.Withheld = append(r.Withheld, StatedMissing{Ref: ref, Sequence: m.First + uint64(ref.Event), Digest: m.Events[ref.Event]})
	}
	for _, k := range l.signers {
		r.Signers = append(r.Signers, StatedSigner{KeyID: k.public.ID(), Party: k.party, Registered: k.registered, By: k.by, Revoked: k.revoked})
	}
	if l.operator != nil {
		r.Operator, r.Facility, r.Declared = &l.operator.StatedOperator, &l.facility.StatedFacility, &l.recorder.StatedRecorder
	}
	return r
}

func (s *Statement) proven(format string, args ...any) { s.say(Proven, format, args...) }
func (s *Statement) said(format string, args ...any)   { s.say(Said, format, args...) }
func (s *Statement) open(format string, args ...any)   { s.say(NotProven, format, args...) }

func (s *Statement) say(kind SentenceKind, format string, args ...any) {
	s.Sentences = append(s.Sentences, Sentence{Kind: kind, Text: fmt.Sprintf(format, args...)})
}

// at writes a time for people, to the second or finer as it came.
func at(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// speakOf says who signed what, and when it came.
func (s *Statement) speakOf(r *StatedRecord) {
	who := speaker(r.Recorder)
	for _, e := range r.Events {
		s.proven("%s said event %s, %s, with the id %s, as its number %d (incarnation %d).", who, e.Ref, safetext.Word(e.Type), safetext.Quote(e.ID), e.Sequence, r.Incarnation)
		if e.Time != "" {
			s.said("Event %s says of itself that it happened at %s.", e.Ref, safetext.Word(e.Time))
		}
		s.Sentences = append(s.Sentences, Sentence{Kind: Said, Text: fmt.Sprintf("Event %s says: %s", e.Ref, safetext.Clip(string(e.Data), mostData)), data: string(e.Data)})
	}
	for _, e := range r.Withheld {
		s.proven("%s said event %s, whose digest is %s, as its number %d (incarnation %d).", who, e.Ref, e.Digest, e.Sequence, r.Incarnation)
		s.open("What event %s says: it is not shown. It was erased from the ledger, or somebody took it out of this evidence.", e.Ref)
	}
	for _, k := range r.Signers {
		s.speakOfSigner(fmt.Sprintf("Leaf %d is", r.Leaf), &k)
	}
	if r.Operator != nil {
		s.speakOfRegistry(fmt.Sprintf("leaf %d", r.Leaf), r.Operator, r.Facility, r.Declared)
	}
	s.proven("It stands as leaf %d of %d in the ledger %s, whose key and genesis the trust file names.", r.Leaf, s.Ledger.Size, s.Ledger.Origin)
	s.speakOfTime(r)
}

// speakOfSigner says how a key is known to be its party's. what is what it signed.
func (s *Statement) speakOfSigner(what string, k *StatedSigner) {
	owner := "the ledger"
	if k.Party != ledgerParty {
		owner = k.Party
	}
	given := fmt.Sprintf("which %s registered for %s in event %s", k.By, owner, k.Registered)
	if k.Registered.Leaf == 0 {
		given = fmt.Sprintf("which the genesis gives to %s", owner)
	}
	s.proven("%s signed by the key %s, %s.", what, k.KeyID, given)
	if k.Revoked != nil {
		s.proven("That key was revoked later, by %s in event %s%s.", k.Revoked.By, k.Revoked.Event, since(k.Revoked.From))
		s.said("%s gave as the reason %s.", k.Revoked.By, safetext.Quote(k.Revoked.Reason))
	}
}

// speakOfRegistry says what stood in the registry by a leaf.
func (s *Statement) speakOfRegistry(by string, o *StatedOperator, f *StatedFacility, r *StatedRecorder) {
	s.proven("By %s, these stood in the registry: the operator %s of %s (admitted by %s, event %s), the facility %s in %s (declared by %s, event %s), and the recorder, of the kind %s (declared by %s, event %s).",
		by, o.Operator, safetext.Word(o.Country), o.By, o.Event, f.String(), safetext.Word(f.Country), f.By, f.Event, safetext.Word(string(r.Kind)), r.By, r.Event)
}

func since(from time.Time) string {
	if from.IsZero() {
		return ""
	}
	return ", as from " + at(from)
}

// speakOfTree says which tree it is, and what holds it fast.
func (s *Statement) speakOfTree(v *verification) {
	s.proven("The ledger %s signed the checkpoint of %s with the root %s, and each leaf named here stands under it.", s.Ledger.Origin, leafCount(s.Ledger.Size), s.Ledger.Root)
	if s.Ledger.Owner != "" {
		s.said("The trust file says that the ledger is run by %s.", s.Ledger.Owner)
	}
	covering := 0
	for _, a := range s.Anchors {
		switch {
		case !a.Believed && len(v.ledger.AnchorKeys) == 0:
			s.open("That the checkpoint of %s stands in the Rekor %s: the trust file names no key that the ledger anchors with.", leafCount(a.Size), safetext.Quote(a.Rekor))
			continue
		case !a.Believed:
			s.open("That the checkpoint of %s stands in the Rekor %s: the trust file does not name it.", leafCount(a.Size), safetext.Quote(a.Rekor))
			continue
		}
		s.proven("The ledger's checkpoint of %s stands as entry %d in the Rekor %s, %s, signed with the ledger's anchor key.", leafCount(a.Size), a.Index, a.Rekor, ownedBy(a.Owner, a.Independent, s.Ledger.Owner, "anchor"))
		if a.Independent {
			covering++
		}
	}
	forked := " Whoever runs the ledger could show others another tree."
	if s.independentlyWitnessed() {
		forked = ""
	}
	switch {
	case len(s.Anchors) == 0:
		s.open("That the checkpoint is anchored anywhere.%s", forked)
	case covering == 0:
		s.open("That anybody but the ledger's owner holds the checkpoint fast: no anchor here is in a Rekor that the trust file calls independent.%s", forked)
	}
}

// ownedBy says who runs a thing, such as an anchor, and what the trust file thinks of
// them.
func ownedBy(owner string, independent bool, ledgerOwner, thing string) string {
	switch {
	case independent && owner != "":
		return fmt.Sprintf("run by %s, which the trust file calls independent", owner)
	case independent:
		return "which the trust file calls independent"
	case owner != "" && owner == ledgerOwner:
		return fmt.Sprintf("run by %s as the ledger is, and so no independent %s", owner, thing)
	case owner != "":
		return fmt.Sprintf("run by %s, which the trust file does not call independent", owner)
	}
	return "which the trust file does not call independent"
}

// speakOfLimits says what no bundle proves.
func (s *Statement) speakOfLimits(v *verification) {
	s.open("That what the events say is true. They prove who said it, and that it hasn't been changed since.")
	var hidden []string
	for _, r := range s.Records {
		if n := r.Count - uint64(len(r.Events)+len(r.Withheld)); n > 0 {
			hidden = append(hidden, fmt.Sprintf("leaf %d has %d more", r.Leaf, n))
		}
	}
	if len(s.Records) == 0 {
		for _, g := range s.Groups {
			if g.Hidden > 0 {
				hidden = append(hidden, fmt.Sprintf("%d of %s", g.Hidden, g.Recorder))
			}
		}
	}
	if len(hidden) > 0 {
		s.open("That this is all that happened. Events of the same envelopes are not shown: %s.", strings.Join(hidden, ", "))
	} else {
		s.open("That this is all that happened.")
	}
	s.open("That no registry event which is not shown revoked a key, suspended an operator or declared something anew before. The ledger accepted the leaves, so it says that none did; saksi audit recomputes it from the whole ledger.")
}

func leafCount(n uint64) string {
	if n == 1 {
		return "1 leaf"
	}
	return fmt.Sprintf("%d leaves", n)
}

// clip bounds what a sentence quotes of foreign text.
func clip(s string) string {
	const most = 120
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// mostData is the number of runes of an event's data that people are shown: as much as they want to read at once.
const mostData = 1000

// Text returns the sentences for people, by how far they can be relied on. Each is one line, but for what an event
// says: that stands on lines of its own behind a bar, so that it can't be taken for the program's.
func (s *Statement) Text() string { return TextOf(s.Sentences, 0) }

// TextIn is [TextOf] of its sentences.
func (s *Statement) TextIn(columns int) string { return TextOf(s.Sentences, columns) }

// TextOf is [Statement.Text] of these sentences for a terminal of so many columns: it breaks lines itself, and sets
// their rest in, so that no foreign text begins a line. A columns of zero leaves lines as they are.
func TextOf(sentences []Sentence, columns int) string {
	var b strings.Builder
	for _, part := range []struct {
		kind SentenceKind
		head string
	}{
		{Proven, "Proven:"},
		{Said, "Said, and only as good as the word of whom it names:"},
		{NotProven, "Not proven:"},
	} {
		first := true
		for _, sentence := range sentences {
			if sentence.Kind != part.kind {
				continue
			}
			if first {
				b.WriteString(part.head + "\n")
			}
			first = false
			if sentence.data != "" {
				head, _, _ := strings.Cut(sentence.Text, " says:")
				b.WriteString("  " + safetext.Line(head) + " says:\n" + safetext.Block(sentence.data, mostData, "      | ") + "\n")
				continue
			}
			b.WriteString("  " + safetext.Wrap(safetext.Line(sentence.Text), max(0, columns-2), "      ") + "\n")
		}
	}
	return b.String()
}
