package main

import (
	"context"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/ops/authority"
	"github.com/saksi-ledger/saksi/ops/home"
)

func readerSuspend() cmdline.Command {
	return readerAct(cmdline.Command{
		Path: "reader suspend", Roles: []string{regulator},
		Summary:  "let a reader in nowhere, and close its connections",
		Examples: []string{"saksi reader suspend --home authority desk-2", "saksi reader suspend --json former-auditor"},
	}, true, (*authority.Readership).Suspend)
}

type readerActInput struct {
	waiting
	reader string
}

// readerAct is a command that changes a reader's state.
func readerAct(c cmdline.Command, suspended bool, act func(*authority.Readership, context.Context, string) error) cmdline.Command {
	return cmdline.New(c, func(in *readerActInput, f *cmdline.Flags) {
		f.Argument(&in.reader, "READER").Complete(completeNames(aReader))
		in.waiting.bind(f, registryWait)
	}, func(ctx context.Context, _ *cmdline.Session, in *readerActInput) (*cmdline.Result, error) {
		return in.readership(ctx, func(ctx context.Context, h *home.Authority, r *authority.Readership) (*cmdline.Result, error) {
			readers, err := h.Readers().All()
			if err != nil {
				return nil, err
			}
			var known []string
			for _, one := range readers {
				known = append(known, one.Name)
			}
			if err := unknownName(aReader, in.reader, known, ""); err != nil {
				return nil, err
			}
			if err := act(r, ctx, in.reader); err != nil {
				return nil, err
			}
			return cmdline.Pairs(map[string]any{"reader": in.reader, "suspended": suspended}, "reader", in.reader, "state", readerState(suspended)), nil
		})
	})
}

// readership runs f with the authority's register of readers.
func (in *waiting) readership(ctx context.Context, f func(context.Context, *home.Authority, *authority.Readership) (*cmdline.Result, error)) (*cmdline.Result, error) {
	h, err := home.OpenAuthority(in.home)
	if err != nil {
		return nil, err
	}
	r, err := authority.OpenReadership(h)
	if err != nil {
		return nil, err
	}
	ctx, cancel := in.bounded(ctx)
	defer cancel()
	return f(ctx, h, r)
}

func readerState(suspended bool) string {
	if suspended {
		return "suspended"
	}
	return "active"
}
