package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/safetext"
	"github.com/saksi-ledger/saksi/ledger/client"
	"github.com/saksi-ledger/saksi/ledger/hint"
	ledgerhttp "github.com/saksi-ledger/saksi/ledger/http"
	"github.com/saksi-ledger/saksi/ops/home"
	"github.com/saksi-ledger/saksi/ops/operator"
)

// What commands that publish have in common: they add to the outbox, bring it to the
// ledger, and say what came of it.

// prepare compares the outbox with the ledger before it is added to, if the
// ledger can be reached soon; an outbox works without.
func prepare(ctx context.Context, s *cmdline.Session, d *operator.Client, recorder events.Recorder, timeout time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, min(5*time.Second, timeout))
	defer cancel()
	if err := d.Prepare(ctx, recorder); err != nil && ctx.Err() != nil {
		fmt.Fprintln(s.Err, "saksi: the ledger can't be reached now: what gets signed will wait in the outbox")
	}
}

// flushing says how the outbox is brought to the ledger.
type flushing struct {
	timeout time.Duration
	pending int64 // how many events wait, as far as is known
	resend  bool
}

// flush brings the outbox to the ledger, with progress on a terminal. Only this
// waits for the timeout: what was added to the outbox before is safe in it.
func flush(ctx context.Context, s *cmdline.Session, d *operator.Client, o flushing) (client.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	b := cmdline.NewBar(s.Err, "events with receipts", o.pending, false)
	defer b.Done()
	var offline error
	var since time.Time
	said := ""
	result, err := d.Flush(ctx, client.FlushOptions{
		Resend: o.resend,
		Progress: func(p client.Progress) {
			b.Set(int64(p.Events), max(o.pending, int64(p.Events)))
			if offline = p.Offline; offline == nil {
				since = time.Time{}
				return
			}
			if since.IsZero() {
				since = time.Now()
			}
			// What passes by itself is not worth a line.
			if text := offline.Error(); text != said && time.Since(since) > sayOffline {
				fmt.Fprintf(s.Err, "saksi: nothing moves now, and it is tried again: %s\n", safetext.Line(text))
				said = text
			}
		},
	})
	if errors.Is(err, context.DeadlineExceeded) && offline != nil && !strings.Contains(err.Error(), offline.Error()) {
		err = fmt.Errorf("%w: %w", err, offline)
	}
	return result, err
}

// sayOffline is how long nothing moves before that is said.
const sayOffline = 2 * time.Second

// flushRows tell of a flush.
func flushRows(f client.Result) [][]any {
	rows := [][]any{{"receipts verified", fmt.Sprintf("%s, %s", cmdline.Counted(f.Envelopes, "envelope", "envelopes"), cmdline.Counted(f.Events, "event", "events"))}}
	if f.Envelopes > 0 {
		rows = append(rows, []any{"leaves", fmt.Sprintf("%d to %d", f.FirstLeaf, f.LastLeaf)})
	}
	if f.Rejected > 0 {
		rows = append(rows, []any{"rejected", f.Rejected})
	}
	if f.Lost > 0 {
		rows = append(rows, []any{"lost and sent again", f.Lost})
	}
	return rows
}

// offline says where events are that did not get their receipts in time.
func offline(err error) error {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return hint.With(err, "what was signed is safe in the outbox; saksi outbox flush sends it when the ledger can be reached")
	}
	return err
}

// rejectedError makes a rejection a failure of the command.
func rejectedError(flushed client.Result) error {
	if flushed.Rejected == 0 {
		return nil
	}
	return hint.With(errors.New("the ledger has rejected what was sent, on the record"),
		"saksi outbox status says why; saksi outbox flush --resend sends it again when the reason is gone, saksi outbox forget drops it")
}

// sendDisclosures sends what waits, once its events are in the ledger.
func sendDisclosures(ctx context.Context, d *operator.Client, timeout time.Duration) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return d.Disclose(ctx)
}

// bodiesOf reads back what the operator's own recorders have said.
func bodiesOf(d *operator.Client) (*ledgerhttp.Reader, error) {
	grant, err := d.Home.Grant()
	if err != nil {
		return nil, err
	}
	log, err := grant.Ledger.Log()
	if err != nil {
		return nil, err
	}
	return ledgerhttp.NewReader(grant.HTTP, log, ledgerhttp.ReaderOptions{
		Token: func(context.Context) (string, error) { return mint(d.Home, time.Minute) },
	})
}

// recorderFlag adds --recorder, which is one of the operator's own.
func recorderFlag(f *cmdline.Flags, to *string, usage string) {
	f.String(to, "recorder", usage).Required().Complete(completeOwnRecorders)
}

// completeOwnRecorders offers the recorders that an operator's outbox knows.
func completeOwnRecorders(so cmdline.Partial) []cmdline.Candidate {
	h, err := home.OpenOperator(so.Home)
	if err != nil {
		return nil
	}
	ctx := context.Background()
	d, err := operator.Open(ctx, h)
	if err != nil {
		return nil
	}
	defer d.Close()
	status, err := d.Outbox.Status(ctx)
	if err != nil {
		return nil
	}
	var list []cmdline.Candidate
	for _, r := range status.Recorders {
		_, name, _ := strings.Cut(r.Recorder, "/")
		list = append(list, cmdline.Candidate{Value: name, About: "recorder"})
	}
	return list
}
