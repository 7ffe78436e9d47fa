package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/verify"
	"github.com/saksi-ledger/saksi/ops/authority"
	"github.com/saksi-ledger/saksi/ops/home"
	"github.com/saksi-ledger/saksi/ops/operator"
)

// env is the environment variable of a flag.
func env(flag string) []string {
	return []string{"SAKSI_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))}
}

func homeFlag() cli.Flag {
	return &cli.StringFlag{Name: "home", Usage: "the role's `DIRECTORY`: keys, credentials, state", EnvVars: env("home"), TakesFile: true}
}

func stringFlag(name, usage string) cli.Flag {
	return &cli.StringFlag{Name: name, Usage: usage, EnvVars: env(name)}
}

func timeoutFlag(value time.Duration) cli.Flag {
	return &cli.DurationFlag{Name: "timeout", Usage: "give up waiting for the ledger after this `TIME`", Value: value, EnvVars: env("timeout")}
}

func formatFlag() cli.Flag {
	return &cli.StringFlag{Name: "format", Usage: "`HOW` results are printed: table, json or csv", Value: "table", EnvVars: env("format")}
}

// jsonFlag goes with formatFlag, for what programs ask for most.
func jsonFlag() cli.Flag {
	return &cli.BoolFlag{Name: "json", Usage: "the same as --format json"}
}

func algorithmFlag() cli.Flag {
	return &cli.StringFlag{Name: "algorithm", Usage: "`WHAT` key to make: ed25519 or ecdsa-p256", Value: string(events.Ed25519), EnvVars: env("algorithm")}
}

func encryptFlag() cli.Flag {
	return &cli.BoolFlag{Name: "encrypt", Usage: "keep the signing key under a passphrase", EnvVars: env("encrypt")}
}

func agentFlag() cli.Flag {
	return &cli.StringFlag{Name: "agent", Usage: "sign with a key in the ssh-agent: its `FINGERPRINT-or-COMMENT`, as ssh-add -l has them", EnvVars: env("agent")}
}

func keySpec(c *cli.Context) home.KeySpec {
	return home.KeySpec{Algorithm: events.Algorithm(c.String("algorithm")), Encrypt: c.Bool("encrypt"), Agent: c.String("agent")}
}

// formatOf returns how results are to be printed.
func formatOf(c *cli.Context) string {
	switch {
	case c.Bool("json"):
		return "json"
	case c.String("format") == "":
		return "table"
	}
	return c.String("format")
}

// openInput opens a file, or standard input for -, and says what it is called.
func openInput(c *cli.Context, path string) (io.ReadCloser, string, error) {
	if path == "-" {
		return io.NopCloser(c.App.Reader), "standard input", nil
	}
	f, err := os.Open(path)
	return f, path, err
}

// readTrust reads the file that --trust names.
func readTrust(c *cli.Context) (*verify.Trust, error) {
	if err := required(c, "trust"); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(c.String("trust"))
	if err != nil {
		return nil, err
	}
	trust, err := verify.ParseTrust(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.String("trust"), err)
	}
	return trust, nil
}

func required(c *cli.Context, names ...string) error {
	for _, name := range names {
		if c.String(name) == "" && !(name == "home" && homeOf(c) != "") {
			return usage("%s needs --%s", c.Command.HelpName, name)
		}
	}
	return nil
}

// homeOf returns --home, which may stand before a subcommand's name or after it.
func homeOf(c *cli.Context) string {
	for _, level := range c.Lineage() {
		if dir := level.String("home"); dir != "" {
			return dir
		}
	}
	return ""
}

// withTimeout bounds a command that waits for the ledger.
func withTimeout(c *cli.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(c.Context, c.Duration("timeout"))
}

// registrar runs f with the authority's home opened for publishing.
func registrar(c *cli.Context, f func(context.Context, *authority.Registrar) error) error {
	if err := required(c, "home"); err != nil {
		return err
	}
	ctx, cancel := withTimeout(c)
	defer cancel()
	r, err := openRegistrar(ctx, homeOf(c))
	if err != nil {
		return err
	}
	return errors.Join(f(ctx, r), r.Close())
}

// openRegistrar opens the home of an authority, whether it runs the ledger or has a
// seat in it.
func openRegistrar(ctx context.Context, dir string) (*authority.Registrar, error) {
	member, err := home.OpenMemberAuthority(dir)
	if err == nil {
		return authority.OpenMember(ctx, member)
	}
	h, err := home.OpenAuthority(dir)
	if err != nil {
		return nil, err
	}
	return authority.OpenRegistrar(ctx, h)
}

// withOperator runs f with the operator's home opened for work.
func withOperator(c *cli.Context, f func(*operator.Client) error) error {
	if err := required(c, "home"); err != nil {
		return err
	}
	h, err := home.OpenOperator(homeOf(c))
	if err != nil {
		return err
	}
	d, err := operator.Open(c.Context, h)
	if err != nil {
		return err
	}
	d.Token = func() (string, error) { return mint(h, time.Minute) }
	return errors.Join(f(d), d.Close())
}
