package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/ledger/hint"
)

type keyListInput struct {
	atHome
	operator string
}

func keyList() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "key list", Roles: []string{operators, regulator, customer},
		Summary:  "list the signing keys of this home, and which of them signs; at the authority, those of an operator",
		Examples: []string{"saksi key list --home nimbus", "saksi key list --home authority --operator nimbus-my"},
	}, func(in *keyListInput, f *cmdline.Flags) {
		f.String(&in.operator, "operator", "at the authority: the keys of this `OPERATOR`").Complete(completeNames(anOperator))
		in.atHome.bind(f)
	}, runKeyList)
}

func runKeyList(_ context.Context, _ *cmdline.Session, in *keyListInput) (*cmdline.Result, error) {
	if in.operator != "" {
		return registeredKeys(in.home, in.operator)
	}
	h, err := openParty(in.home)
	if err != nil {
		return nil, err
	}
	keys, err := h.Keys()
	if err != nil {
		return nil, err
	}
	out := &cmdline.Result{Document: keys, Columns: []string{"key", "algorithm", "kept", "signs"}}
	for _, k := range keys {
		out.Rows = append(out.Rows, []any{string(k.ID), string(k.Algorithm), k.Kept, cmdline.YesNo(k.Signs)})
	}
	return out, nil
}

// registeredKeys lists the keys that the registry has of an operator.
func registeredKeys(dir, operator string) (*cmdline.Result, error) {
	r, err := readRegistry(dir)
	if err != nil {
		return nil, err
	}
	keys := r.KeysOf(operator)
	if len(keys) == 0 {
		do := "saksi operator list lists them"
		if asked := hint.DidYouMean(operator, namesOf(r, anOperator)); asked != "" {
			do = asked + " " + do
		}
		return nil, hint.With(fmt.Errorf("the registry has no keys of an operator %q", operator), do)
	}
	out := &cmdline.Result{Document: keys, Columns: []string{"key", "algorithm", "revoked by leaf"}}
	for _, k := range keys {
		by := ""
		if k.RevokedBy > 0 {
			by = strconv.FormatUint(k.RevokedBy, 10)
		}
		out.Rows = append(out.Rows, []any{string(k.ID), string(k.Algorithm), by})
	}
	return out, nil
}
