package main

import (
	"fmt"
	"os"
	"regexp"

	"github.com/urfave/cli/v2"

	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/ops/authority"
)

// What is wrong is better said before keys are made.
var (
	originForm       = regexp.MustCompile(`^[!-*,-~]{1,200}$`)
	jurisdictionForm = regexp.MustCompile(`^[A-Z]{2}$`)
)

func initCommand() *cli.Command {
	return &cli.Command{
		Name:     "init",
		Usage:    "make a ledger: keys, accounts, and its genesis as leaf 0",
		Category: "authority",
		Description: "The key that signs what the authority says is a file in the home, unless --agent names one that an ssh-agent holds;\n" +
			"a passphrase for --encrypt, and for whatever signs later, comes from the file that SAKSI_PASSPHRASE_FILE names, or\n" +
			"the descriptor SAKSI_PASSPHRASE_FD. The node's own keys are files: it starts where nobody is.",
		Flags: []cli.Flag{
			homeFlag(),
			stringFlag("origin", "the `NAME` of the tree in its checkpoints, such as ledger.example.my/saksi/2026"),
			stringFlag("jurisdiction", "the `COUNTRY` it is for, two capital letters"),
			&cli.StringFlag{Name: "authority", Usage: "the first authority's `NAME`", Value: "authority", EnvVars: env("authority")},
			&cli.StringFlag{Name: "predecessor", Usage: "take the place of another tree: `WHERE` is the directory of its home or of a copy with bodies, or, with --trust, its URL or a file with its signed checkpoint: alone, a monitor's .notes, a witness's state, a receipt", EnvVars: env("predecessor"), TakesFile: true},
			&cli.StringFlag{Name: "trust", Usage: "the trust `FILE` by which the checkpoint of --predecessor is verified", TakesFile: true},
			&cli.StringFlag{Name: "witness-policy", Usage: "`FILE` that names the witnesses who are to cosign, and their quorum (C2SP tlog-policy)", EnvVars: env("witness-policy"), TakesFile: true},
			algorithmFlag(), encryptFlag(), agentFlag(), formatFlag(), jsonFlag(),
		},
		Action: func(c *cli.Context) error {
			if _, err := arguments(c); err != nil {
				return err
			}
			if err := required(c, "home", "origin", "jurisdiction"); err != nil {
				return err
			}
			if !originForm.MatchString(c.String("origin")) {
				return usage("--origin %q: want a name such as ledger.example.my/saksi/2026, without spaces or +", c.String("origin"))
			}
			if !jurisdictionForm.MatchString(c.String("jurisdiction")) {
				return usage("--jurisdiction %q: want two capital letters, as in ISO 3166-1", c.String("jurisdiction"))
			}
			policy, err := witnessPolicy(c.String("witness-policy"))
			if err != nil {
				return err
			}
			before, err := predecessorOf(c)
			if err != nil {
				return err
			}
			plan := authority.Plan{
				Origin: c.String("origin"), Jurisdiction: c.String("jurisdiction"), Name: c.String("authority"),
				WitnessPolicy: policy, Predecessor: before.note(), Key: keySpec(c),
			}
			if before != nil {
				plan.Retention = before.retention
				if before.jurisdiction != "" && before.jurisdiction != plan.Jurisdiction {
					return hinted{usage("%s is for %s, and its successor would be for %s", before.checkpoint.Origin, before.jurisdiction, plan.Jurisdiction),
						"a tree takes the place of one for the same country: --jurisdiction " + before.jurisdiction + "; for another, make a ledger of its own, without --predecessor"}
				}
			}
			h, err := authority.Init(c.Context, homeOf(c), plan)
			if err != nil {
				return err
			}
			trust, err := h.Trust()
			if err != nil {
				return err
			}
			l := trust.Ledgers[0]
			return result{
				document: l,
				rows: append([][]any{
					{"ledger", l.Origin}, {"authority", h.Name + ", " + h.Jurisdiction},
					{"log key", l.Key}, {"genesis", l.Genesis.String()},
				}, before.rows()...),
				note: "Keys are in " + homeOf(c) + ", for its owner alone. " + recoveryAdvice(homeOf(c)) + "\nStart the node with: saksi up --home " + homeOf(c),
			}.print(c)
		},
	}
}

// witnessPolicy reads and checks a policy before anything is made.
func witnessPolicy(path string) (string, error) {
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
		return "", hinted{fmt.Errorf("%s: %w", path, err), "lines are: witness NAME KEY URL, group NAME all|any|NUMBER NAME…, quorum NAME (https://c2sp.org/tlog-policy)"}
	}
	return string(text), nil
}

// maxGenesisPolicy is the schema's.
const maxGenesisPolicy = 8192
