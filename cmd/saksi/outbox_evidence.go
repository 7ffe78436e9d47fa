package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/saksi-ledger/saksi/events/safetext"
	"github.com/saksi-ledger/saksi/ledger/client"
	"github.com/saksi-ledger/saksi/ledger/formats"
	ledgerhttp "github.com/saksi-ledger/saksi/ledger/http"
	"github.com/saksi-ledger/saksi/ledger/tiles"
	"github.com/saksi-ledger/saksi/ledger/verify"
	"github.com/saksi-ledger/saksi/ops/operator"
)

func outboxEvidenceCommand() *cli.Command {
	return &cli.Command{
		Name: "evidence", Usage: "write what shows that the ledger has contradicted itself", ArgsUsage: "DIRECTORY",
		Description: "Where the ledger's tiles show it, or the trees have as many leaves, each contradiction is a file that proves it to anyone:\n" +
			"saksi verify reads it. Otherwise both checkpoints are written, for saksi monitor --compare.",
		Flags: []cli.Flag{homeFlag(), attemptFlag(), formatFlag(), jsonFlag()}, Action: outboxEvidence,
	}
}

func outboxEvidence(c *cli.Context) error {
	args, err := arguments(c, "DIRECTORY")
	if err != nil {
		return err
	}
	return withOperator(c, func(d *operator.Client) error {
		kept, err := d.Outbox.Evidence(c.Context)
		if err != nil {
			return err
		}
		grant, err := d.Home.Grant()
		if err != nil {
			return err
		}
		log, err := grant.Ledger.Log()
		if err != nil {
			return err
		}
		shown := []shownBy{{log, grant.HTTP}}
		formers, err := d.Outbox.Formers(c.Context)
		if err != nil {
			return err
		}
		for _, former := range formers {
			url := grant.HTTP
			if grant.Predecessor != nil {
				url = grant.Predecessor.HTTP
			}
			shown = append(shown, shownBy{former, url})
		}
		if err := os.MkdirAll(args[0], 0o755); err != nil {
			return err
		}
		out := result{columns: []string{"file", "proof", "what"}}
		files := []map[string]any{}
		for i, e := range kept {
			name, text, proven := contradiction(c, shown, e, i+1)
			path := filepath.Join(args[0], name)
			if err := os.WriteFile(path, text, 0o644); err != nil {
				return err
			}
			files = append(files, map[string]any{"file": path, "proof": proven, "what": e.What})
			out.rows = append(out.rows, []any{path, proven, e.What})
		}
		out.document = map[string]any{"evidence": files}
		if len(kept) == 0 {
			out.note = "The ledger has not contradicted itself, as far as this outbox has seen."
		}
		return out.print(c)
	})
}

// shownBy is a ledger, and where its tiles are served.
type shownBy struct {
	log *formats.Log
	url string
}

// contradiction makes the file for one: proof of a fork, or both checkpoints.
func contradiction(c *cli.Context, shown []shownBy, e client.Evidence, number int) (name string, text []byte, proven bool) {
	by := shown[0]
	for _, one := range shown { // the ledger that has signed it may have been succeeded
		if _, err := one.log.OpenCheckpoint(e.Seen); err == nil {
			by = one
			break
		}
	}
	fork, err := proveContradiction(c, by.log, by.url, e)
	if err == nil {
		return fmt.Sprintf("contradiction-%03d.saksi-fork", number), fork.Marshal(), true
	}
	fmt.Fprintf(c.App.ErrWriter, "contradiction %d is not proven as yet: %s\n", number, safetext.Line(err.Error()))
	return fmt.Sprintf("contradiction-%03d.notes", number), slices.Concat(e.Seen, []byte("\n"), e.Got), false
}

func proveContradiction(c *cli.Context, log *formats.Log, url string, e client.Evidence) (*verify.Fork, error) {
	seen, err := log.OpenCheckpoint(e.Seen)
	if err != nil {
		return nil, err
	}
	got, err := log.OpenCheckpoint(e.Got)
	if err != nil {
		return nil, err
	}
	reader, err := ledgerhttp.NewReader(url, log, ledgerhttp.ReaderOptions{Timeout: c.Duration("timeout")})
	if err != nil {
		return nil, err
	}
	larger := seen
	if got.Size > seen.Size {
		larger = got
	}
	ctx, cancel := context.WithTimeout(c.Context, 2*c.Duration("timeout"))
	defer cancel()
	fork, err := verify.ProveFork(seen, got, tiles.New(reader).Tree(ctx, larger.Tree()))
	if errors.Is(err, verify.ErrOneTree) {
		return nil, errors.New("the tree that was shown is an older one of the same")
	}
	return fork, err
}
