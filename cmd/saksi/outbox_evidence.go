package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/events/safetext"
	"github.com/saksi-ledger/saksi/ledger/client"
	"github.com/saksi-ledger/saksi/ledger/durable"
	"github.com/saksi-ledger/saksi/ledger/formats"
	ledgerhttp "github.com/saksi-ledger/saksi/ledger/http"
	"github.com/saksi-ledger/saksi/ledger/tiles"
	"github.com/saksi-ledger/saksi/ledger/verify"
	"github.com/saksi-ledger/saksi/ops/operator"
)

type outboxEvidenceInput struct {
	waiting
	directory string
}

func outboxEvidence() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "outbox evidence", Roles: []string{operators},
		Summary: "write what shows that the ledger has contradicted itself",
		Text: "Where the ledger's tiles show it, or the trees have as many leaves, each contradiction is a file that proves it to anyone: saksi verify " +
			"reads it. Otherwise both checkpoints are written, for saksi monitor --compare.",
		Examples: []string{"saksi outbox evidence --home nimbus contradictions", "saksi outbox evidence --timeout 1m contradictions"},
	}, func(in *outboxEvidenceInput, f *cmdline.Flags) {
		f.Argument(&in.directory, "DIRECTORY").File()
		in.bindAttempt(f)
	}, runOutboxEvidence)
}

// bindAttempt binds the flags of a command whose timeout is for each request.
func (in *waiting) bindAttempt(f *cmdline.Flags) {
	f.Home(&in.home)
	attemptFlag(f, &in.timeout)
	f.Format()
}

// attemptFlag adds the --timeout of each attempt of a request.
func attemptFlag(f *cmdline.Flags, to *time.Duration) {
	*to = cmp.Or(*to, 30*time.Second)
	f.Timeout(to, "give up an attempt of a request after this `TIME`")
}

func runOutboxEvidence(ctx context.Context, s *cmdline.Session, in *outboxEvidenceInput) (*cmdline.Result, error) {
	return withOperator(ctx, in.home, func(d *operator.Client) (*cmdline.Result, error) {
		kept, err := d.Outbox.Evidence(ctx)
		if err != nil {
			return nil, err
		}
		grant, err := d.Home.Grant()
		if err != nil {
			return nil, err
		}
		log, err := grant.Ledger.Log()
		if err != nil {
			return nil, err
		}
		shown := []shownBy{{log, grant.HTTP}}
		formers, err := d.Outbox.Formers(ctx)
		if err != nil {
			return nil, err
		}
		for _, former := range formers {
			url := grant.HTTP
			if grant.Predecessor != nil {
				url = grant.Predecessor.HTTP
			}
			shown = append(shown, shownBy{former, url})
		}
		if err := os.MkdirAll(in.directory, 0o755); err != nil {
			return nil, err
		}
		out := &cmdline.Result{Columns: []string{"file", "proof", "what"}}
		files := []map[string]any{}
		for i, e := range kept {
			name, text, proven := contradiction(ctx, s, in.timeout, shown, e, i+1)
			path := filepath.Join(in.directory, name)
			if err := durable.WriteFile(path, text, 0o644); err != nil {
				return nil, err
			}
			files = append(files, map[string]any{"file": path, "proof": proven, "what": e.What})
			out.Rows = append(out.Rows, []any{path, proven, e.What})
		}
		out.Document = map[string]any{"evidence": files}
		if len(kept) == 0 {
			out.Note = "The ledger has not contradicted itself, as far as this outbox has seen."
		}
		return out, nil
	})
}

// shownBy is a ledger, and where its tiles are served.
type shownBy struct {
	log *formats.Log
	url string
}

// contradiction makes the file for one: proof of a fork, or both checkpoints.
func contradiction(ctx context.Context, s *cmdline.Session, timeout time.Duration, shown []shownBy, e client.Evidence, number int) (name string, text []byte, proven bool) {
	by := shown[0]
	for _, one := range shown { // the ledger that has signed it may have been succeeded
		if _, err := one.log.OpenCheckpoint(e.Seen); err == nil {
			by = one
			break
		}
	}
	fork, err := proveContradiction(ctx, timeout, by, e)
	if err == nil {
		return fmt.Sprintf("contradiction-%03d.saksi-fork", number), fork.Marshal(), true
	}
	fmt.Fprintf(s.Err, "contradiction %d is not proven as yet: %s\n", number, safetext.Line(err.Error()))
	return fmt.Sprintf("contradiction-%03d.notes", number), slices.Concat(e.Seen, []byte("\n"), e.Got), false
}

func proveContradiction(ctx context.Context, timeout time.Duration, by shownBy, e client.Evidence) (*verify.Fork, error) {
	seen, err := by.log.OpenCheckpoint(e.Seen)
	if err != nil {
		return nil, err
	}
	got, err := by.log.OpenCheckpoint(e.Got)
	if err != nil {
		return nil, err
	}
	reader, err := ledgerhttp.NewReader(by.url, by.log, ledgerhttp.ReaderOptions{Timeout: timeout})
	if err != nil {
		return nil, err
	}
	larger := seen
	if got.Size > seen.Size {
		larger = got
	}
	ctx, cancel := context.WithTimeout(ctx, 2*timeout)
	defer cancel()
	fork, err := verify.ProveFork(seen, got, tiles.New(reader).Tree(ctx, larger.Tree()))
	if errors.Is(err, verify.ErrOneTree) {
		return nil, errors.New("the tree that was shown is an older one of the same")
	}
	return fork, err
}
