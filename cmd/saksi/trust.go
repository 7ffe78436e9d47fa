package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/ledger/verify"
	"github.com/saksi-ledger/saksi/ledger/writer"
	"github.com/saksi-ledger/saksi/ops/home"
)

func trustCommand() *cli.Command {
	return &cli.Command{
		Name:     "trust",
		Usage:    "write a trust file: the ledger's key, genesis, Rekors, witnesses and timestamp authorities, to be looked at and pinned",
		Category: "auditor",
		Flags: []cli.Flag{homeFlag(),
			&cli.StringFlag{Name: "with", Usage: "and believe what is in the trust `FILE` too: the tree before this one, say", TakesFile: true},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write it to `FILE`", TakesFile: true}, forceFlag(), formatFlag(), jsonFlag()},
		Action: func(c *cli.Context) error {
			if _, err := arguments(c); err != nil {
				return err
			}
			if err := required(c, "home", "output"); err != nil {
				return err
			}
			file, err := output(c, "output", c.String("output"), c.String("with"))
			if err != nil {
				return err
			}
			h, err := home.OpenAuthority(homeOf(c))
			if err != nil {
				return err
			}
			trust, err := h.Trust()
			if err != nil {
				return err
			}
			if err := nameWitnesses(h, trust); err != nil {
				return err
			}
			if path := c.String("with"); path != "" {
				if err := trustToo(trust, path); err != nil {
					return err
				}
			}
			text, err := json.MarshalIndent(trust, "", "  ")
			if err != nil {
				return fmt.Errorf("write %s: %w", file.path, err)
			}
			err = file.write(func(f *os.File) error {
				_, err := f.Write(append(text, '\n'))
				return errors.Join(err, f.Chmod(0o644))
			})
			if err != nil {
				return err
			}
			l := trust.Ledgers[0]
			out := result{
				document: trust,
				rows:     [][]any{{"trust", c.String("output")}, {"ledger", l.Origin}, {"log key", l.Key}, {"genesis", l.Genesis.String()}},
				note:     "Who is independent is for its reader to say: look at each.",
			}
			for _, w := range trust.Witnesses {
				out.rows = append(out.rows, []any{"witness", w.Key})
			}
			for _, r := range trust.Rekors {
				out.rows = append(out.rows, []any{"Rekor", r.Origin})
			}
			for _, a := range trust.Timestamps {
				out.rows = append(out.rows, []any{"timestamps", a.Name})
			}
			return out.print(c)
		},
	}
}

// trustToo adds what another trust file names.
func trustToo(trust *verify.Trust, path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	other, err := verify.ParseTrust(text)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
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
	if text, err = json.Marshal(trust); err == nil {
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
