package main

import (
	"fmt"
	"os"
	"regexp"

	"github.com/urfave/cli/v2"

	"github.com/saksi-ledger/saksi/events"
	ledgerhttp "github.com/saksi-ledger/saksi/ledger/http"
	"github.com/saksi-ledger/saksi/ledger/succession"
	"github.com/saksi-ledger/saksi/ledger/verify"
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
			&cli.StringFlag{Name: "predecessor", Usage: "take the place of another tree: `WHERE` is the file with its last signed checkpoint, the directory of its home or of a copy, or its URL", EnvVars: env("predecessor"), TakesFile: true},
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
			predecessor, retention, err := predecessorOf(c)
			if err != nil {
				return err
			}
			h, err := authority.Init(c.Context, homeOf(c), authority.Plan{
				Origin: c.String("origin"), Jurisdiction: c.String("jurisdiction"), Name: c.String("authority"),
				WitnessPolicy: policy, Predecessor: predecessor, Retention: retention, Key: keySpec(c),
			})
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
				rows: [][]any{
					{"ledger", l.Origin}, {"authority", h.Name + ", " + h.Jurisdiction},
					{"log key", l.Key}, {"genesis", l.Genesis.String()},
				},
				note: "Keys are in " + homeOf(c) + ", for its owner alone. " + recoveryAdvice(homeOf(c)) + "\nStart the node with: saksi up --home " + homeOf(c),
			}.print(c)
		},
	}
}

// predecessorOf returns the last checkpoint of the tree whose place is taken, and how long
// that tree kept bodies, if it lies on this machine.
func predecessorOf(c *cli.Context) (note string, retention events.Retention, err error) {
	where := c.String("predecessor")
	if where == "" {
		return "", retention, nil
	}
	if isURL(where) {
		reader, err := ledgerhttp.NewReader(where, nil, ledgerhttp.ReaderOptions{})
		if err != nil {
			return "", retention, statusError{exitUsage, err}
		}
		text, err := reader.Note(c.Context)
		if err != nil {
			return "", retention, fmt.Errorf("fetch the checkpoint of the tree before: %w", err)
		}
		return string(text), retention, nil
	}
	info, err := os.Stat(where)
	if err != nil {
		return "", retention, err
	}
	if !info.IsDir() {
		text, err := os.ReadFile(where)
		return string(text), retention, err
	}
	text, err := authority.PredecessorNote(where)
	if err != nil {
		return "", retention, err
	}
	g, err := succession.GenesisOf(c.Context, where)
	if err != nil {
		return "", retention, err
	}
	return string(text), g.Retention, nil
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
	if _, err := verify.ParsePolicy(text); err != nil {
		return "", hinted{fmt.Errorf("%s: %w", path, err), "lines are: witness NAME KEY URL, group NAME all|any|NUMBER NAME…, quorum NAME (https://c2sp.org/tlog-policy)"}
	}
	return string(text), nil
}

// maxGenesisPolicy is the schema's.
const maxGenesisPolicy = 8192
