package main

import (
	"context"
	"errors"
	"os"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ops/authority"
	"github.com/saksi-ledger/saksi/ops/home"
)

type authorityRotateInput struct {
	waiting
	keyInput
	reason, recovery, newRecovery, replaces string
}

func authorityRotate() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "authority rotate", Roles: []string{regulator},
		Summary: "sign with a new key from now on; the old one no longer counts",
		Text:    "With --recovery the recovery key signs the rotation, for when the authority's key is lost or stolen.",
		Examples: []string{
			"saksi authority rotate --home authority --reason 'yearly rotation'",
			"saksi authority rotate --reason 'key stolen' --recovery recovery.pem --new-recovery recovery-2.pem",
		},
	}, func(in *authorityRotateInput, f *cmdline.Flags) {
		f.String(&in.reason, "reason", "the `REASON`, for the record").Required()
		f.String(&in.recovery, "recovery", "the recovery key's `FILE`").File()
		f.String(&in.newRecovery, "new-recovery", "with --recovery: make another recovery key in `FILE`, which replaces the old one").File()
		f.String(&in.replaces, "replaces", "the `KEYID` that is replaced, if it is not the one in the home: a thief may have rotated it")
		in.keyInput.bind(f)
		in.waiting.bind(f, registryWait)
	}, runAuthorityRotate)
}

func runAuthorityRotate(ctx context.Context, _ *cmdline.Session, in *authorityRotateInput) (*cmdline.Result, error) {
	if in.newRecovery != "" && in.recovery == "" {
		return nil, cmdline.Usage("--new-recovery needs --recovery: only the recovery key can name another")
	}
	return in.registrar(ctx, func(ctx context.Context, r *authority.Registrar) (*cmdline.Result, error) {
		by := r.Key()
		replaces := events.KeyID(in.replaces)
		switch {
		case replaces != "":
		case by == nil:
			return nil, cmdline.Usage("the key that is replaced is not in this home: name it with --replaces; saksi authority list --json has its id")
		default:
			replaces = by.PublicKey().ID()
		}
		if in.recovery != "" {
			var err error
			if by, err = home.ReadKey(in.recovery); err != nil {
				return nil, err
			}
		}
		var recovery *events.PublicKey
		if file := in.newRecovery; file != "" {
			made, err := home.NewKey(file)
			if errors.Is(err, os.ErrExist) { // of an attempt that was cut short
				made, err = home.ReadKey(file)
			}
			if err != nil {
				return nil, err
			}
			public := made.PublicKey()
			recovery = &public
		}
		key, leaf, err := r.RotateKey(ctx, by, replaces, recovery, in.spec(), in.reason)
		if err != nil {
			return nil, err
		}
		return cmdline.Pairs(map[string]any{"keyid": key.ID(), "replaces": replaces, "leaf": leaf},
			"new key", home.Fingerprint(key), "replaces", string(replaces)[:12], "leaf", leaf), nil
	})
}
