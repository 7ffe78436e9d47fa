package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/hint"
	"github.com/saksi-ledger/saksi/ledger/writer"
	"github.com/saksi-ledger/saksi/ops/authority"
	"github.com/saksi-ledger/saksi/ops/home"
)

type keyRevokeInput struct {
	waiting
	id, operator, reason, from string
}

func keyRevoke() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "key revoke", Roles: []string{regulator},
		Summary: "end a key's validity from the next leaf on",
		Text: "KEYID may be cut short where the registry is on this machine: saksi key list --operator OPERATOR lists the keys. What the key signed " +
			"before stays accepted. With --from, what was received of it since then becomes the finding doubtful-key.",
		Examples: []string{
			"saksi key revoke --home authority --operator nimbus-my --reason 'laptop stolen' 4f2a",
			"saksi key revoke --operator nimbus-my --reason 'laptop stolen' --from 2026-11-20T12:00:00Z 4f2a",
		},
	}, func(in *keyRevokeInput, f *cmdline.Flags) {
		f.Argument(&in.id, "KEYID").Complete(completeRegisteredKeys)
		f.String(&in.operator, "operator", "the `OPERATOR` whose key it is").Required().Complete(completeNames(anOperator))
		f.String(&in.reason, "reason", "the `REASON`, for the record").Required()
		f.String(&in.from, "from", "the `TIME` from which what it signed is in doubt")
		f.Zone()
		in.waiting.bind(f, registryWait)
	}, runKeyRevoke)
}

// completeRegisteredKeys offers the keys of the operator that --operator names.
func completeRegisteredKeys(so cmdline.Partial) []cmdline.Candidate {
	r, err := readRegistry(so.Home)
	if err != nil || len(so.Flags["operator"]) == 0 {
		return nil
	}
	var list []cmdline.Candidate
	for _, k := range r.KeysOf(so.Flags["operator"][0]) {
		if k.RevokedBy == 0 {
			list = append(list, cmdline.Candidate{Value: string(k.ID), About: string(k.Algorithm)})
		}
	}
	return list
}

func runKeyRevoke(ctx context.Context, s *cmdline.Session, in *keyRevokeInput) (*cmdline.Result, error) {
	from, err := s.Time("from", in.from, time.Time{})
	if err != nil {
		return nil, err
	}
	if from.After(time.Now()) {
		return nil, cmdline.Usage("--from %s is in the future: it says since when what the key signed is in doubt", s.Stamp(from))
	}
	if err := (names{dir: in.home}).check(anOperator, in.operator); err != nil {
		return nil, err
	}
	id, err := registeredKey(in.home, in.operator, in.id)
	if err != nil {
		return nil, err
	}
	return in.registrar(ctx, func(ctx context.Context, r *authority.Registrar) (*cmdline.Result, error) {
		leaf, err := r.RevokeKey(ctx, in.operator, id, from, in.reason)
		if err != nil {
			return nil, err
		}
		return leafResult("key", string(id), leaf), nil
	})
}

// registeredKey is the one key of an operator whose id begins so. Where the registry is on
// another machine the id must be whole.
func registeredKey(dir, operator, id string) (events.KeyID, error) {
	const whole = 64
	h, err := home.OpenAuthority(dir)
	if err != nil || len(id) == whole {
		return events.KeyID(id), nil
	}
	r, err := writer.ReadRegistry(h.LedgerDir())
	if err != nil {
		return "", err
	}
	var found []events.KeyID
	for _, k := range r.KeysOf(operator) {
		if id != "" && strings.HasPrefix(string(k.ID), id) {
			found = append(found, k.ID)
		}
	}
	if len(found) != 1 {
		return "", hint.With(fmt.Errorf("%d keys of %s have an id that begins with %.80q", len(found), operator, id), "saksi key list --operator "+operator+" shows them")
	}
	return found[0], nil
}
