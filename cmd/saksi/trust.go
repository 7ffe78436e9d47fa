package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/ledger/verify"
	"github.com/saksi-ledger/saksi/ledger/writer"
	"github.com/saksi-ledger/saksi/ops/home"
)

type trustInput struct {
	atHome
	outputInput
	with string
}

func trustCommand() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "trust", Roles: []string{regulator, auditor},
		Summary: "write a trust file: the ledger's key, genesis, Rekors, witnesses and timestamp authorities, for auditors to check and keep",
		Examples: []string{
			"saksi trust --home authority --output trust.json",
			"saksi trust --home successor --with trust.json -o trust-2.json",
		},
	}, func(in *trustInput, f *cmdline.Flags) {
		f.String(&in.with, "with", "also believe what is in this trust `FILE`: the preceding tree, for example").File()
		in.outputInput.bind(f, "write it to `FILE`").Required()
		in.atHome.bind(f)
	}, runTrust)
}

func runTrust(_ context.Context, _ *cmdline.Session, in *trustInput) (*cmdline.Result, error) {
	file, err := in.file(in.with)
	if err != nil {
		return nil, err
	}
	h, err := home.OpenAuthority(in.home)
	if err != nil {
		return nil, err
	}
	trust, err := h.Trust()
	if err != nil {
		return nil, err
	}
	if err := nameWitnesses(h, trust); err != nil {
		return nil, err
	}
	if in.with != "" {
		if err := trustToo(trust, in.with); err != nil {
			return nil, err
		}
	}
	text, err := json.MarshalIndent(trust, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", file.path, err)
	}
	err = file.write(func(f *os.File) error {
		_, err := f.Write(append(text, '\n'))
		return errors.Join(err, f.Chmod(0o644))
	})
	if err != nil {
		return nil, err
	}
	l := trust.Ledgers[0]
	out := cmdline.Pairs(trust, "trust", in.output, "ledger", l.Origin, "log key", l.Key, "genesis", l.Genesis.String())
	out.Note = "Who is independent is for its reader to say: look at each."
	for _, w := range trust.Witnesses {
		out.Rows = append(out.Rows, cmdline.Pair("witness", w.Key))
	}
	for _, r := range trust.Rekors {
		out.Rows = append(out.Rows, cmdline.Pair("Rekor", r.Origin))
	}
	for _, a := range trust.Timestamps {
		out.Rows = append(out.Rows, cmdline.Pair("timestamps", a.Name))
	}
	return out, nil
}

// trustToo adds what another trust file names.
func trustToo(trust *verify.Trust, path string) error {
	other, err := readTrust(path)
	if err != nil {
		return err
	}
	for _, l := range other.Ledgers {
		if _, known := trust.Ledger(l.Origin); !known {
			trust.Ledgers = append(trust.Ledgers, l)
		}
	}
	addTo(&trust.Rekors, other.Rekors, func(r verify.TrustedRekor) string { return r.Origin + "\n" + r.Key })
	addTo(&trust.Witnesses, other.Witnesses, func(w verify.TrustedWitness) string { return w.Key })
	addTo(&trust.Timestamps, other.Timestamps, func(a verify.TrustedAuthority) string { return a.Name + "\n" + a.Certificates })
	addTo(&trust.Custodians, other.Custodians, func(c verify.TrustedCustodian) string { return c.Name + "\n" + c.Key })
	text, err := json.Marshal(trust)
	if err == nil {
		_, err = verify.ParseTrust(text)
	}
	return err
}

// addTo adds what isn't there. Of what is, the other file's words stand: they are its
// reader's, who has said there who runs it and whether it is independent.
func addTo[T any](to *[]T, from []T, who func(T) string) {
	for _, v := range from {
		if i := slices.IndexFunc(*to, func(known T) bool { return who(known) == who(v) }); i >= 0 {
			(*to)[i] = v
		} else {
			*to = append(*to, v)
		}
	}
}

// nameWitnesses takes the witnesses that the ledger's registry names into the trust
// file, for its reader to look at. A ledger that no node has run for yet has none to
// read.
func nameWitnesses(h *home.Authority, trust *verify.Trust) error {
	registry, err := writer.ReadRegistry(h.LedgerDir())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	text := registry.WitnessPolicy()
	if text == "" {
		return nil
	}
	policy, err := formats.ParsePolicy([]byte(text))
	if err != nil {
		return fmt.Errorf("the registry: %w", err)
	}
	trust.Ledgers[0].WitnessPolicy = text
	for _, w := range policy.Witnesses {
		trust.Witnesses = append(trust.Witnesses, verify.TrustedWitness{Key: w.Key.Key()})
	}
	return nil
}
