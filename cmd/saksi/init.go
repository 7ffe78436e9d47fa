package main

import (
	"context"
	"fmt"
	"os"
	"regexp"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/ledger/hint"
	"github.com/saksi-ledger/saksi/ops/authority"
)

// What is wrong is better said before keys are made.
var (
	originForm       = regexp.MustCompile(`^[!-*,-~]{1,200}$`)
	jurisdictionForm = regexp.MustCompile(`^[A-Z]{2}$`)
)

type initInput struct {
	keyInput
	home, origin, jurisdiction, authority, predecessor, trust, witnessPolicy string
}

func initCommand() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "init", Roles: []string{nodes},
		Summary: "make a ledger: keys, accounts, and its genesis as leaf 0",
		Text:    "This is for the key that signs the authority's acts. " + passphraseHelp + " The node's own keys are files: it starts without anybody's help.",
		Examples: []string{
			"saksi init --home authority --origin ledger.example.my/saksi/2026 --jurisdiction MY",
			"saksi init --home authority --origin ledger.example.my/saksi/2026 --jurisdiction MY --encrypt --witness-policy witnesses.policy",
			"saksi init --home successor --origin ledger.example.my/saksi/2027 --jurisdiction MY --predecessor authority",
		},
	}, func(in *initInput, f *cmdline.Flags) {
		f.String(&in.origin, "origin", "the `NAME` of the tree in its checkpoints, such as ledger.example.my/saksi/2026").Required()
		f.String(&in.jurisdiction, "jurisdiction", "the `COUNTRY` that it is for, two capital letters").Required()
		in.authority = "authority"
		f.String(&in.authority, "authority", "the first authority's `NAME`")
		f.String(&in.predecessor, "predecessor", "replace another tree: `WHERE` is the directory of its home or of a copy with bodies, or, with --trust, its URL or a file with its "+
			"signed checkpoint: alone, a monitor's .notes, a witness's state, a receipt").File()
		f.String(&in.trust, "trust", "the trust `FILE` by which the checkpoint of --predecessor is verified").Env("predecessor-trust").File()
		f.String(&in.witnessPolicy, "witness-policy", "the `FILE` that names the witnesses who are to cosign, and their quorum (C2SP tlog-policy)").File()
		in.keyInput.bind(f)
		f.NewHome(&in.home)
		f.Format()
	}, runInit)
}

func runInit(ctx context.Context, _ *cmdline.Session, in *initInput) (*cmdline.Result, error) {
	if !originForm.MatchString(in.origin) {
		return nil, cmdline.Usage("--origin %q: want a name such as ledger.example.my/saksi/2026, without spaces or +", in.origin)
	}
	if !jurisdictionForm.MatchString(in.jurisdiction) {
		return nil, cmdline.Usage("--jurisdiction %q: want two capital letters, as in ISO 3166-1", in.jurisdiction)
	}
	policy, err := genesisPolicy(in.witnessPolicy)
	if err != nil {
		return nil, err
	}
	before, err := (predecessorInput{in.predecessor, in.trust}).read(ctx)
	if err != nil {
		return nil, err
	}
	plan := authority.Plan{
		Origin: in.origin, Jurisdiction: in.jurisdiction, Name: in.authority, WitnessPolicy: policy, Predecessor: before.note(), Key: in.spec(),
	}
	if before != nil {
		plan.Retention = before.retention
		if before.jurisdiction != "" && before.jurisdiction != plan.Jurisdiction {
			return nil, hint.With(cmdline.Usage("%s is for %s, and its successor would be for %s", before.checkpoint.Origin, before.jurisdiction, plan.Jurisdiction),
				"a tree replaces one for the same country: --jurisdiction "+before.jurisdiction+"; for another, make a ledger of its own, without --predecessor")
		}
	}
	h, err := authority.Init(ctx, in.home, plan)
	if err != nil {
		return nil, err
	}
	trust, err := h.Trust()
	if err != nil {
		return nil, err
	}
	l := trust.Ledgers[0]
	out := cmdline.Pairs(l, "ledger", l.Origin, "authority", h.Name+", "+h.Jurisdiction, "log key", l.Key, "genesis", l.Genesis.String())
	out.Rows = append(out.Rows, before.rows()...)
	out.Note = "Keys are in " + in.home + ", for its owner alone. " + recoveryAdvice(in.home) + "\nStart the node with: saksi up --home " + in.home
	return out, nil
}

// maxGenesisPolicy is the schema's.
const maxGenesisPolicy = 8192

// genesisPolicy reads and checks a witness policy before anything is made.
func genesisPolicy(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	if len(text) > maxGenesisPolicy {
		return "", fmt.Errorf("%s: %d bytes: a genesis holds %d", path, len(text), maxGenesisPolicy)
	}
	if _, err := formats.ParsePolicy(text); err != nil {
		return "", hint.With(fmt.Errorf("%s: %w", path, err), "lines are: witness NAME KEY URL, group NAME all|any|NUMBER NAME…, quorum NAME (https://c2sp.org/tlog-policy)")
	}
	return string(text), nil
}
