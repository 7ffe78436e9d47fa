package views

import (
	"errors"
	"strings"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/projections"
	"github.com/saksi-ledger/saksi/projections/findings"
	"github.com/saksi-ledger/saksi/projections/findings/sequence"
)

// RecorderAccount is how far a recorder's record can be relied on to be whole. Its key
// is the recorder. Numbers missing, breaks and contradictions count over all its
// incarnations, events too.
type RecorderAccount struct {
	Recorder     string `col:"recorder" json:"recorder" doc:"the source of record"`
	Facility     string `col:"facility,index" json:"facility" doc:"where it stands"`
	Operator     string `col:"operator,index" json:"operator" doc:"whose it is"`
	RecorderKind string `col:"recorder.kind" json:"recorder.kind" doc:"what it observes, as declared"`
	Grade        string `col:"grade,index" json:"grade" doc:"transport: its own numbers unbroken; broken; or silent: nothing came yet"`

	Incarnation  uint64    `col:"incarnation" json:"incarnation" doc:"how often it began to count, in the trees before this one too"`
	Last         uint64    `col:"last" json:"last" doc:"its highest number"`
	Events       uint64    `col:"events" json:"events" doc:"accepted, those said twice too"`
	Envelopes    uint64    `col:"envelopes" json:"envelopes" doc:"accepted"`
	LastReceived time.Time `col:"lastReceived,order" json:"lastReceived,omitzero" doc:"when the last accepted envelope was received"`

	Gaps           uint64 `col:"gaps" json:"gaps" doc:"how often numbers were left out"`
	Missing        uint64 `col:"missing" json:"missing" doc:"numbers that have still not come"`
	Breaks         uint64 `col:"breaks" json:"breaks" doc:"manifests that don't name the one before"`
	Contradictions uint64 `col:"contradictions" json:"contradictions" doc:"events signed under a number used for another"`
	Rejected       uint64 `col:"rejected" json:"rejected" doc:"envelopes rejected on its subject, as of a minute ago or later"`

	AttestEvery   int64     `col:"attestEverySeconds" json:"attestEverySeconds" doc:"how often it must attest; 0: it need not"`
	AttestedUntil time.Time `col:"attestedUntil" json:"attestedUntil,omitzero" doc:"end of the last period attested"`
	NextDue       time.Time `col:"nextDue" json:"nextDue,omitzero" doc:"when the next attestation is due"`
	Overdue       bool      `col:"overdue,index" json:"overdue" doc:"it is overdue: not there a quarter of the interval, or an hour, after it was due"`

	LagSeconds    int64  `col:"lagSeconds" json:"lagSeconds" doc:"from happening to receipt, of the newest event of the last envelope; negative: its clock is ahead"`
	MaxLagSeconds int64  `col:"maxLagSeconds" json:"maxLagSeconds" doc:"the most there was"`
	AheadSeconds  int64  `col:"aheadSeconds" json:"aheadSeconds" doc:"the most that an event was ahead of its receipt: clock skew at least that"`
	Late          uint64 `col:"late" json:"late" doc:"events received more than 36 hours after they happened"`

	Evidence events.Refs `col:"evidence" json:"evidence" doc:"declaration, last envelope, last attestation"`
}

// The grades. Others need what recorders don't say yet.
const (
	gradeSilent    = "silent"
	gradeTransport = "transport"
	gradeBroken    = "broken"
)

// Completeness returns the view of how complete recorders' records are. It makes one
// version of a recorder's row a leaf at most.
func Completeness() *projections.View {
	c := &completeness{
		rows:  projections.NewTable[RecorderAccount]("completeness"),
		notes: projections.NewState[recorderNotes]("completeness-notes"),
		trail: sequence.New("completeness", false),
	}
	return &projections.View{
		Name: "completeness", Version: 4, Title: "Recorders: what is missing, what is overdue, how far their record can be relied on",
		// It counts what all customers' events add up to, so it is no one customer's.
		Family: events.FamilyAttestation,
		Reads:  []string{events.TypeRecorderDeclared, events.TypeRecorderRetired, events.TypeRecorderContinued, events.TypeAttestationPeriod},
		Tables: append([]projections.Schema{c.rows, c.notes}, c.trail.Tables()...),
		Leaf:   c.leaf,
		Due:    c.due,
	}
}

type completeness struct {
	rows  *projections.Table[RecorderAccount]
	notes *projections.State[recorderNotes]
	trail *sequence.Tracker
}

// recorderNotes is what a row is made of and doesn't show. It changes seldom.
type recorderNotes struct {
	Declared events.Ref
	Since    time.Time  // from when on it has to attest, until it does
	Attested events.Ref // the last attestation
	Attests  bool       // there is one
	// Rejected counts what the row will say at the next turn of its timer, if Counting.
	Rejected uint64
	Counting bool
}

// countEvery is how often a row says how many envelopes were rejected: whoever floods
// a recorder's subject is not to make a version of its row with each message.
const countEvery = time.Minute

// countTimer begins the key of the timer at which a row says it; a recorder's name has
// no such sign.
const countTimer = "#"

func (c *completeness) leaf(tx *projections.Tx, f *projections.Fact) error {
	step, err := c.trail.Follow(tx, f)
	if err != nil {
		return err
	}
	switch {
	case step != nil:
		err = c.heard(tx, f, step)
	case f.Leaf.Verdict == formats.Rejected:
		err = c.rejected(tx, f)
	}
	if err != nil {
		return err
	}
	for i := range f.Events {
		e := &f.Events[i]
		switch data := e.Data.(type) {
		case *events.RecorderDeclared:
			err = c.declared(tx, f, e, data)
		case *events.RecorderRetired:
			err = c.retired(tx, e, data)
		case *events.RecorderContinued:
			err = c.continued(tx, data)
		case *events.Statement:
			err = c.attested(tx, f, e, &data.Predicate)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// heard takes in an accepted envelope.
func (c *completeness) heard(tx *projections.Tx, f *projections.Fact, s *sequence.Step) error {
	row, notes, err := c.get(tx, s.Recorder)
	if err != nil {
		return err
	}
	if s.Incarnation > row.Incarnation {
		row.Incarnation, row.Last = s.Incarnation, 0
	}
	if s.Incarnation == row.Incarnation {
		row.Last = max(row.Last, s.Last)
	}
	row.Events += f.Leaf.Count
	row.Envelopes++
	row.LastReceived = f.Leaf.Received
	row.Breaks += uint64(len(s.Breaks))
	row.Contradictions += uint64(len(s.Contradicted))
	if s.Opened != nil || s.Lost > s.LostBefore {
		row.Gaps++
	}
	row.Missing = row.Missing - s.MissingBefore + s.Missing
	row.measure(f)
	row.Evidence = notes.evidence(s.Ref)
	return c.put(tx, row)
}

// measure compares when events happened with when they were received.
func (r *RecorderAccount) measure(f *projections.Fact) {
	for i := range f.Events {
		lag := f.Leaf.Received.Sub(timeOf(&f.Events[i], f))
		seconds := int64(lag / time.Second)
		if i == 0 || seconds < r.LagSeconds {
			r.LagSeconds = seconds
		}
		r.MaxLagSeconds = max(r.MaxLagSeconds, seconds)
		r.AheadSeconds = max(r.AheadSeconds, -seconds)
		if lag > findings.LateAfter {
			r.Late++
		}
	}
}

// rejected counts an envelope that was rejected on a recorder's subject, if there is
// such a recorder: who wrote it is not proven, but that the broker let them is.
func (c *completeness) rejected(tx *projections.Tx, f *projections.Fact) error {
	recorder, err := events.ParseSubject(f.Leaf.Subject)
	if err != nil || !recorder.IsOperator() {
		return nil
	}
	name := recorder.String()
	row, found, err := c.rows.Get(tx, name)
	if err != nil || !found {
		return err
	}
	notes, found, err := c.notes.Get(tx, name)
	if err != nil {
		return err
	}
	if !found {
		notes = &recorderNotes{}
	}
	notes.Rejected++
	if notes.Counting {
		return c.notes.Put(tx, name, notes)
	}
	notes.Counting = true
	if err := errors.Join(c.notes.Put(tx, name, notes), tx.At(f.Now.Add(countEvery), countTimer+name)); err != nil {
		return err
	}
	row.Rejected = notes.Rejected
	return c.put(tx, row)
}

// count has a row say how many envelopes were rejected.
func (c *completeness) count(tx *projections.Tx, name string) error {
	notes, found, err := c.notes.Get(tx, name)
	if err != nil || !found {
		return err
	}
	notes.Counting = false
	if err := c.notes.Put(tx, name, notes); err != nil {
		return err
	}
	row, found, err := c.rows.Get(tx, name)
	if err != nil || !found || row.Rejected == notes.Rejected {
		return err
	}
	row.Rejected = notes.Rejected
	return c.put(tx, row)
}

func (c *completeness) declared(tx *projections.Tx, f *projections.Fact, e *projections.Event, d *events.RecorderDeclared) error {
	recorder, err := events.ParseRecorder(d.Recorder)
	if err != nil {
		return nil
	}
	row, notes, err := c.get(tx, recorder)
	if err != nil {
		return err
	}
	if notes.Since.IsZero() {
		notes.Since = f.Now
	}
	notes.Declared = e.Ref
	row.RecorderKind, row.AttestEvery = string(d.Kind), int64(findings.Interval(d)/time.Second)
	return c.settle(tx, row, notes)
}

// continued has a recorder stand where it stood in the tree before this one.
func (c *completeness) continued(tx *projections.Tx, d *events.RecorderContinued) error {
	recorder, err := events.ParseRecorder(d.Recorder)
	if err != nil {
		return nil
	}
	row, _, err := c.get(tx, recorder)
	if err != nil || row.Envelopes > 0 {
		return err
	}
	row.Incarnation, row.Last = uint64(d.Incarnation), uint64(d.Last)
	return c.put(tx, row)
}

// retired lets a recorder attest no more.
func (c *completeness) retired(tx *projections.Tx, e *projections.Event, d *events.RecorderRetired) error {
	recorder, err := events.ParseRecorder(d.Recorder)
	if err != nil {
		return nil
	}
	row, notes, err := c.get(tx, recorder)
	if err != nil {
		return err
	}
	notes.Declared, row.AttestEvery = e.Ref, 0
	return c.settle(tx, row, notes)
}

func (c *completeness) attested(tx *projections.Tx, f *projections.Fact, e *projections.Event, a *events.PeriodAttested) error {
	recorder, ok := findings.Attested(e, a)
	if !ok {
		return nil
	}
	row, notes, err := c.get(tx, recorder)
	if err != nil {
		return err
	}
	to := a.To.UTC()
	if to.After(f.Now) {
		to = f.Now
	}
	if !notes.Attests || to.After(row.AttestedUntil) {
		row.AttestedUntil = to
	}
	notes.Attested, notes.Attests = e.Ref, true
	return c.settle(tx, row, notes)
}

// settle says when the next attestation is due, and sets the timer.
func (c *completeness) settle(tx *projections.Tx, row *RecorderAccount, notes *recorderNotes) error {
	every := time.Duration(row.AttestEvery) * time.Second
	row.NextDue, row.Overdue = time.Time{}, false
	err := tx.Cancel(row.Recorder)
	if err == nil && every > 0 {
		from := notes.Since
		if notes.Attests {
			from = row.AttestedUntil
		}
		row.NextDue = from.Add(every)
		overdue := findings.Overdue(row.NextDue, every)
		if row.Overdue = !overdue.After(tx.Now()); !row.Overdue {
			err = tx.At(overdue, row.Recorder)
		}
	}
	if err != nil {
		return err
	}
	if err := c.notes.Put(tx, row.Recorder, notes); err != nil {
		return err
	}
	heard := events.Refs{}
	if row.Envelopes > 0 {
		heard = row.Evidence[1:2]
	}
	row.Evidence = notes.evidence(heard...)
	return c.put(tx, row)
}

// due marks a recorder whose attestation is overdue, or has its row say what was
// counted.
func (c *completeness) due(tx *projections.Tx, key string, _ time.Time) error {
	if name, ok := strings.CutPrefix(key, countTimer); ok {
		return c.count(tx, name)
	}
	row, found, err := c.rows.Get(tx, key)
	if err != nil || !found {
		return err
	}
	row.Overdue = true
	return c.put(tx, row)
}

func (c *completeness) get(tx *projections.Tx, recorder events.Recorder) (*RecorderAccount, *recorderNotes, error) {
	name := recorder.String()
	row, found, err := c.rows.Get(tx, name)
	if err != nil {
		return nil, nil, err
	}
	if !found {
		row = &RecorderAccount{Recorder: name, Facility: recorder.Facility, Operator: recorder.Owner}
	}
	notes, found, err := c.notes.Get(tx, name)
	if err == nil && !found {
		notes = &recorderNotes{}
	}
	return row, notes, err
}

func (c *completeness) put(tx *projections.Tx, row *RecorderAccount) error {
	switch {
	case row.Envelopes == 0:
		row.Grade = gradeSilent
	case row.Missing+row.Breaks+row.Contradictions > 0:
		row.Grade = gradeBroken
	default:
		row.Grade = gradeTransport
	}
	return c.rows.Put(tx, row.Recorder, row)
}

// evidence lists the declaration, what was heard last, and the last attestation.
func (n *recorderNotes) evidence(heard ...events.Ref) events.Refs {
	refs := append(events.Refs{n.Declared}, heard...)
	if n.Attests {
		refs = append(refs, n.Attested)
	}
	return refs
}
