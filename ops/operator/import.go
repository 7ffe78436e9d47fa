package operator

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/connect/cloudtrail"
	"github.com/saksi-ledger/saksi/ledger/client"
)

// chunkEvents is how many events go into the outbox in one transaction.
const chunkEvents = 1000

// Import is what to import.
type Import struct {
	System   string // cloudtrail
	Recorder events.Recorder
	// Party is whose account the log is of.
	Party events.Party
	Paths []string
	// Progress, if set, is called after each file and each chunk.
	Progress func(ImportProgress)
	// Draft, if set, gets each event instead of the outbox: a dry run.
	Draft func(*events.Draft) error
}

// ImportProgress is how far reading has come, in bytes of files as they lie on
// disk.
type ImportProgress struct {
	Bytes, TotalBytes int64
	Events            int
}

// Imported is what came of an import.
type Imported struct {
	Files   int      `json:"files"`
	Skipped []string `json:"skipped,omitempty"` // files that are no logs
	// Events were read; New of them the outbox didn't know, in Envelopes.
	Events    int `json:"events"`
	New       int `json:"new"`
	Known     int `json:"known"`
	Envelopes int `json:"envelopes"`
	// Changed are events that were published before, of which the log says
	// something else now. The ledger keeps what was said first.
	Changed []string `json:"changed,omitempty"`
	// Notices counts records that are about no access.
	Notices int `json:"notices"`
	// Damage is what could not be read, and where.
	Damage []string `json:"damage,omitempty"`
}

// Import reads native logs into the outbox. What can't be read is named in the
// result and left out; an error means that the import itself can't go on, and
// what was added until then stays: doing it again adds nothing twice.
func (d *Desk) Import(ctx context.Context, what Import) (Imported, error) {
	done := Imported{}
	if what.System != "cloudtrail" {
		return done, hinted{fmt.Errorf("import %s: no such system", what.System), "systems: cloudtrail"}
	}
	connector, err := cloudtrail.New(cloudtrail.Options{
		Recorder: what.Recorder, Party: what.Party,
		Pseudonym: func(principal string) (string, error) {
			return d.Outbox.Pseudonym(ctx, what.System+":"+principal)
		},
	})
	if err != nil {
		return done, err
	}
	files, skipped, err := cloudtrail.Files(what.Paths...)
	if err != nil {
		return done, err
	}
	done.Skipped = skipped
	progress := ImportProgress{}
	for _, file := range files {
		progress.TotalBytes += sizeOf(file)
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
	for _, file := range files {
		if err := ctx.Err(); err != nil {
			return done, err
		}
		done.Files++
		for record, err := range cloudtrail.Records(file) {
			if err == nil {
				var draft *events.Draft
				if draft, err = connector.Draft(record.Raw); err == nil {
					drafts = append(drafts, *draft)
					done.Events++
				} else {
					err = &cloudtrail.DamageError{File: record.File, Line: record.Line, Offset: record.Offset, Count: 1, Err: err}
				}
			}
			switch {
			case errors.Is(err, cloudtrail.ErrInsight):
				done.Notices++
			case err != nil:
				done.Damage = append(done.Damage, err.Error())
			}
			if len(drafts) == chunkEvents {
				if err := add(); err != nil {
					return done, err
				}
				progress.Events = done.Events
				what.report(progress)
			}
		}
		progress.Bytes += sizeOf(file)
		progress.Events = done.Events
		what.report(progress)
	}
	return done, add()
}

func (d *Desk) add(ctx context.Context, what Import, drafts []events.Draft) (client.Added, error) {
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

func (w *Import) report(p ImportProgress) {
	if w.Progress != nil {
		w.Progress(p)
	}
}

func sizeOf(file string) int64 {
	info, err := os.Stat(file)
	if err != nil {
		return 0
	}
	return info.Size()
}

type hinted struct {
	error
	hint string
}

func (h hinted) Unwrap() error { return h.error }
func (h hinted) Hint() string  { return h.hint }
