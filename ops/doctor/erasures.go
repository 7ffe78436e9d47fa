package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/saksi-ledger/saksi/ledger/archive"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/ledger/writer"
)

// mostNamed is how many erasures that wait are told of one by one.
const mostNamed = 5

// erasures tells what was ordered erased and is still there.
func (e *examination) erasures(ctx context.Context) {
	all, err := e.readErasures(ctx)
	if err != nil {
		e.add("erasures", Warn, fmt.Sprintf("what was ordered erased can't be looked at: %v", err), "")
		return
	}
	state, do := OK, ""
	var waiting []string
	for _, o := range all {
		what := o.String()
		switch {
		case o.Done:
			continue
		case o.Hold != "":
			what += " waits for hold " + o.Hold
			state = worse(state, Warn)
		case o.Problem != "":
			what += " can't be erased: " + o.Problem
			state = worse(state, Warn)
		default:
			what += " is not yet erased"
			state, do = Fail, "the node erases it within moments; if it goes on, read what it logs"
		}
		waiting = append(waiting, what)
	}
	if _, err := os.Stat(e.home.ViewsMark()); err == nil {
		waiting = append(waiting, "the views are being made again without what was erased")
		state = worse(state, Warn)
	} else if !errors.Is(err, os.ErrNotExist) {
		e.add("erasures", Warn, err.Error(), "")
		return
	}
	found := fmt.Sprintf("%d ordered", len(all))
	if n := len(waiting); n > mostNamed {
		waiting = append(waiting[:mostNamed], fmt.Sprintf("and %d more", n-mostNamed))
	}
	if len(waiting) > 0 {
		found += "; " + strings.Join(waiting, "; ")
	}
	e.add("erasures", state, found, do)
}

func worse(a, b State) State {
	if a == OK {
		return b
	}
	return a
}

func (e *examination) readErasures(ctx context.Context) ([]archive.Erasure, error) {
	registry, err := writer.ReadRegistry(e.home.LedgerDir())
	if err != nil {
		return nil, err
	}
	key, err := e.home.LogVerifierKey()
	if err != nil {
		return nil, err
	}
	log, err := formats.NewLog(key)
	if err != nil {
		return nil, err
	}
	d, err := archive.OpenDirectory(e.home.LedgerDir(), log)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.Erasures(ctx, registry)
}
