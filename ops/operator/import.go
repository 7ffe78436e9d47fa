package operator

import (
	"context"
	"fmt"
	"strings"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/connect"
	"github.com/saksi-ledger/saksi/events/connect/systems"
	"github.com/saksi-ledger/saksi/ledger/client"
)

// chunkEvents is how many events go into the outbox in one transaction.
const chunkEvents = 1000

// Import is what to import.
type Import struct {
	System   string // its name on the command line, see package systems
	Recorder events.Recorder
	// Party is whose account, or whose people, the log is of.
	Party events.Party
	// Mapping is the content of a mapping file, for systems that need one.
	Mapping []byte
	Paths   []string
	// Progress, if set, is called now and then.
	Progress func(connect.Progress)
	// Draft, if set, gets each event instead of the outbox: a dry run.
	Draft func(*events.Draft) error
}

// Imported is what came of an import.
type Imported struct {
	connect.Account
	// New of the account's events the outbox didn't know, in Envelopes.
	New       int `json:"new"`
	Known     int `json:"known"`
	Envelopes int `json:"envelopes"`
	// Changed are events that were published before, of which the log says
	// something else now. The ledger keeps what was said first.
	Changed []string `json:"changed,omitempty"`
}

// Import reads native logs into the outbox. What can't be read is named in the
// result and left out; an error means that the import itself can't go on, and
// what was added until then stays: doing it again adds nothing twice.
func (d *Client) Import(ctx context.Context, what Import) (Imported, error) {
	done := Imported{}
	connector, err := newConnector(what.System, connect.Options{
		Recorder: what.Recorder, Party: what.Party, Mapping: what.Mapping,
		Pseudonym: func(principal string) (string, error) {
			return d.Outbox.Pseudonym(ctx, what.System+":"+principal)
		},
	})
	if err != nil {
		return done, err
	}
	var drafts []events.Draft
	add := func() error {
		added, err := d.add(ctx, what, drafts)
		done.New += added.Events
		done.Known += added.Known
		done.Changed = append(done.Changed, added.Changed...)
		done.Envelopes += added.Envelopes
		drafts = drafts[:0]
		return err
	}
	done.Account, err = connect.Each(ctx, connector, what.Paths, what.Progress, func(_ connect.Record, made []events.Draft) error {
		if drafts = append(drafts, made...); len(drafts) < chunkEvents {
			return nil
		}
		return add()
	})
	if err != nil {
		return done, err
	}
	return done, add()
}

// newConnector returns the connector of a system.
func newConnector(name string, options connect.Options) (connect.Connector, error) {
	system, ok := systems.Find(name)
	switch {
	case !ok:
		return nil, hinted{fmt.Errorf("import %s: no such system", name), "systems: " + strings.Join(systems.Names(), ", ")}
	case system.Mapped && options.Mapping == nil:
		return nil, hinted{fmt.Errorf("import %s: it needs a mapping file", name), "give it as --mapping FILE; docs/connectors.md says what goes into it"}
	case !system.Mapped && options.Mapping != nil:
		return nil, fmt.Errorf("import %s: it takes no mapping file", name)
	}
	return system.New(options)
}

func (d *Client) add(ctx context.Context, what Import, drafts []events.Draft) (client.Added, error) {
	if what.Draft != nil {
		for i := range drafts {
			if err := what.Draft(&drafts[i]); err != nil {
				return client.Added{}, err
			}
		}
		return client.Added{}, nil
	}
	if len(drafts) == 0 {
		return client.Added{}, nil
	}
	for i := range drafts {
		drafts[i].Recipients = d.recipients
	}
	return d.Outbox.Add(ctx, what.Recorder, drafts, d.signers...)
}

type hinted struct {
	error
	hint string
}

func (h hinted) Unwrap() error { return h.error }
func (h hinted) Hint() string  { return h.hint }
