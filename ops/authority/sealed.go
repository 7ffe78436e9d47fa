package authority

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"filippo.io/age"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/vocabulary"
)

// Unsealed is a sealed event that was opened.
type Unsealed struct {
	Ref   string `json:"ref"`
	Leaf  uint64 `json:"leaf"` // that says that it is read
	Type  string `json:"type"`
	ID    string `json:"id"`
	Event []byte `json:"-"` // the line within
	// Problem is what is wrong with what is within; it is shown all the same.
	Problem string `json:"problem,omitempty"`
}

// OpenSealed reads an event that was sealed to this authority. First it puts on record that
// it does, and on what ground.
func (r *Registrar) OpenSealed(ctx context.Context, ref, ground, order string) (*Unsealed, error) {
	fail := func(err error) (*Unsealed, error) { return nil, fmt.Errorf("open the sealed event %s: %w", ref, err) }
	at, err := parseRef(ref)
	if err != nil {
		return fail(err)
	}
	line, err := r.line(ctx, ref)
	if err != nil {
		return fail(err)
	}
	outer, err := events.ParseEvent(line)
	if err != nil {
		return fail(err)
	}
	recorder, err := events.ParseRecorder(outer.Source[1:])
	if err != nil {
		return fail(err)
	}
	var sealed events.Sealed
	if err := json.Unmarshal(outer.Data, &sealed); err != nil || outer.Type != events.TypeSealed {
		return fail(fmt.Errorf("it is a %s, and not sealed", outer.Type))
	}
	if sealed.Authority != r.name {
		return fail(fmt.Errorf("it is for the eyes of %s", sealed.Authority))
	}
	file, err := sealed.File()
	if err != nil {
		return fail(err)
	}
	identities, err := r.identities()
	if err != nil {
		return fail(err)
	}
	out := &Unsealed{Ref: ref}
	out.Leaf, err = r.say(ctx, vocabulary.DisclosureRevealed.Of(events.DisclosureRevealed{
		Recorder: recorder.String(), Kind: events.RevealedSealed, Ground: ground, Order: order,
		Events: []events.RefFields{at.Fields()},
	}))
	if err != nil {
		return fail(err)
	}
	if out.Event, err = decrypt(file, identities); err != nil {
		return fail(fmt.Errorf("that it is read is on record as leaf %d: %w", out.Leaf, err))
	}
	out.Problem = out.look(recorder)
	return out, nil
}

// identities returns what the home reads with, and what it read with before: what an
// operator encrypted before it learned of a rotation may come after it.
func (r *Registrar) identities() (all []age.Identity, err error) {
	if r.home != nil {
		all, err = r.home.Identities()
	} else {
		all, err = r.member.Identities()
	}
	if errors.Is(err, os.ErrNotExist) {
		return nil, hinted{errors.New("this home has no identity to read with"), "saksi authority recipient makes one"}
	}
	return all, err
}

func decrypt(file []byte, identities []age.Identity) ([]byte, error) {
	plain, err := age.Decrypt(bytes.NewReader(file), identities...)
	if err != nil {
		return nil, err
	}
	line, err := io.ReadAll(io.LimitReader(plain, events.MaxSealed+1))
	if err == nil && len(line) > events.MaxSealed {
		err = errors.New("what is within is too long")
	}
	return line, err
}

// look says what is wrong with what was sealed: it had no admission of its own.
func (u *Unsealed) look(recorder events.Recorder) string {
	event, err := events.ParseEvent(u.Event)
	if err != nil {
		return err.Error()
	}
	u.Type, u.ID = event.Type, event.ID
	switch {
	case event.Source != recorder.Source():
		return fmt.Sprintf("it says to be of %.140q", event.Source)
	case !vocabulary.SaidBy(event.Type, recorder) || event.Type == events.TypeSealed:
		return fmt.Sprintf("%.80q is not for %s to say here", event.Type, recorder)
	}
	if err := vocabulary.Check(event); err != nil {
		return err.Error()
	}
	return ""
}
