package views

import (
	"slices"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/projections"
)

// corrected finds touches by the digests of their events' lines, which is how
// corrections name them, and remembers corrections of events that have not come: an
// operator's recorders send as they can.
type corrected struct {
	lines *projections.State[lineAt]
	notes *projections.State[correctionNote]
	// waits says of which recorders corrections wait for events, so that nothing is
	// looked up for the events of all others.
	waits *projections.State[waiting]
}

// lineAt is where an event stands.
type lineAt struct {
	Leaf  uint64 `json:"l"`
	Event int    `json:"e"`
}

// correctionNote is what waits for an event.
type correctionNote struct {
	Recorder string
	Action   string `json:",omitempty"` // what became of it
	By       string `json:",omitempty"` // the attestation
	Right    string `json:",omitempty"` // id of the event that says it rightly
	Wrong    string `json:",omitempty"` // id of the event that it says rightly
	Ref      events.Ref
}

type waiting struct{ Events uint64 }

func newCorrected(view string) corrected {
	return corrected{
		lines: projections.NewState[lineAt](view + "-lines"),
		notes: projections.NewState[correctionNote](view + "-corrections"),
		waits: projections.NewState[waiting](view + "-waiting"),
	}
}

func (c corrected) tables() []projections.Schema {
	return []projections.Schema{c.lines, c.notes, c.waits}
}

// lineKey is a recorder's, so that nobody can say anything of another's events, and half
// of a digest, which is as good here as all of it.
func lineKey(recorder string, d events.Digest) string {
	return recorder + "/" + d.String()[len("sha256:"):][:32]
}

// remember takes down where an event stands.
func (c corrected) remember(tx *projections.Tx, recorder string, digest events.Digest, at events.Ref) error {
	return c.lines.Put(tx, lineKey(recorder, digest), &lineAt{at.Leaf, at.Event})
}

// early tells whether corrections wait for events of a fact's recorder.
func (c corrected) early(tx *projections.Tx, f *projections.Fact) (bool, error) {
	if f.Manifest == nil || !f.Manifest.Recorder.IsOperator() {
		return false, nil
	}
	w, found, err := c.waits.Get(tx, f.Manifest.Recorder.String())
	return found && w.Events > 0, err
}

// apply has a row that is new say what was said of it before it came.
func (c corrected) apply(tx *projections.Tx, digest events.Digest, row *Touch) error {
	key := lineKey(row.Recorder, digest)
	note, found, err := c.notes.Get(tx, key)
	if err != nil || !found {
		return err
	}
	note.on(row)
	if err := c.notes.Delete(tx, key); err != nil {
		return err
	}
	w, found, err := c.waits.Get(tx, note.Recorder)
	if err != nil || !found {
		return err
	}
	if w.Events--; w.Events == 0 {
		return c.waits.Delete(tx, note.Recorder)
	}
	return c.waits.Put(tx, note.Recorder, w)
}

// on has a row say it.
func (n *correctionNote) on(row *Touch) {
	if n.Action != "" {
		row.Correction, row.CorrectedBy, row.RightEvent = n.Action, n.By, n.Right
	}
	if n.Wrong != "" {
		row.Corrects = n.Wrong
	}
	if !slices.Contains(row.Evidence, n.Ref) {
		row.Evidence = append(slices.Clone(row.Evidence), n.Ref)
	}
}

// correct lets a correction change the rows of the wrong event and of the right one, or
// wait for them. Of an event that is no touch, it waits for good.
func (c corrected) correct(tx *projections.Tx, row *Correction, change func(events.Ref, func(*Touch)) error) error {
	notes := map[string]*correctionNote{
		row.Digest: {Recorder: row.Recorder, Action: row.Action, By: row.Ref.String(), Right: row.ByEvent, Ref: row.Ref},
	}
	order := []string{row.Digest}
	if row.ByDigest != "" && row.ByDigest != row.Digest {
		notes[row.ByDigest] = &correctionNote{Recorder: row.ByRecorder, Wrong: row.Event, Ref: row.Ref}
		order = append(order, row.ByDigest)
	}
	for _, text := range order {
		note := notes[text]
		digest, err := events.ParseDigest(text)
		if err != nil {
			continue // its schema has no such digest
		}
		key := lineKey(note.Recorder, digest)
		at, found, err := c.lines.Get(tx, key)
		if err != nil {
			return err
		}
		if !found {
			if err := c.wait(tx, key, note); err != nil {
				return err
			}
			continue
		}
		if err := change(events.Ref{Leaf: at.Leaf, Event: at.Event}, note.on); err != nil {
			return err
		}
	}
	return nil
}

// wait remembers what is said of an event that has not come, over what was said before.
func (c corrected) wait(tx *projections.Tx, key string, note *correctionNote) error {
	before, found, err := c.notes.Get(tx, key)
	if err != nil {
		return err
	}
	if found {
		if note.Action == "" {
			note.Action, note.By, note.Right = before.Action, before.By, before.Right
		}
		if note.Wrong == "" {
			note.Wrong = before.Wrong
		}
	}
	if !found {
		w, _, err := c.waits.Get(tx, note.Recorder)
		if err != nil {
			return err
		}
		if w == nil {
			w = &waiting{}
		}
		w.Events++
		if err := c.waits.Put(tx, note.Recorder, w); err != nil {
			return err
		}
	}
	return c.notes.Put(tx, key, note)
}
