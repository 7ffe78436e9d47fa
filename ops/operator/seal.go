package operator

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"filippo.io/age"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/vocabulary"
)

// SealTo has events that are published from now on sealed to one authority: it alone learns
// what they say, their type included. They take their numbers and leaves like any other.
func (d *Client) SealTo(ctx context.Context, facility, authority string) error {
	known, err := d.Recipients(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(known, func(r Recipient) bool { return r.Authority == authority })
	if i < 0 {
		return hinted{fmt.Errorf("seal to %s: it is no authority of this ledger that reads", authority), "saksi disclose --list shows those that do"}
	}
	if m := (events.Mandate{Facilities: known[i].Facilities}); !m.HasFacility(facility) {
		return fmt.Errorf("seal to %s: what happens at %s is not in its mandate", authority, facility)
	}
	d.seal = &known[i]
	return nil
}

// sealed returns an event that holds another, encrypted. Its time is its own: when the
// other happened is for the authority's eyes too.
func (d *Client) sealed(recorder events.Recorder, inner *events.Event) (*events.Event, error) {
	line, err := inner.Marshal()
	if err != nil {
		return nil, err
	}
	to, err := age.ParseX25519Recipient(d.seal.Recipient)
	if err != nil {
		return nil, fmt.Errorf("seal to %s: %w", d.seal.Authority, err)
	}
	var file bytes.Buffer
	w, err := age.Encrypt(&file, to)
	if err == nil {
		_, err = w.Write(line)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("seal to %s: %w", d.seal.Authority, err)
	}
	data, err := events.NewSealed(d.seal.Authority, d.seal.Recipient, file.Bytes())
	if err != nil {
		return nil, err
	}
	return vocabulary.Sealed.Of(data).Event(recorder, vocabulary.Attributes{})
}
