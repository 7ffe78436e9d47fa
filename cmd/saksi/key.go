package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/writer"
	"github.com/saksi-ledger/saksi/ops/authority"
	"github.com/saksi-ledger/saksi/ops/home"
)

func keyCommand() *cli.Command {
	operatorFlag := stringFlag("operator", "whose key it is: an operator's `NAME`")
	return &cli.Command{
		Name: "key", Usage: "operators' signing keys: new, use and list are the operator's own, add and revoke the authority's", Category: "authority",
		Flags: []cli.Flag{homeFlag()},
		Subcommands: []*cli.Command{
			{
				Name: "new", Usage: "one more signing key for this home, and a request for the authority; what signs stays as it was",
				Flags:  []cli.Flag{homeFlag(), algorithmFlag(), encryptFlag(), agentFlag(), formatFlag(), jsonFlag()},
				Action: keyNew,
			},
			{
				Name: "use", Usage: "sign with another key of this home from now on, or with several", ArgsUsage: "KEYID...",
				Description: "KEYID may be cut short. The authority must have added the key: what it signs is rejected otherwise.\n" +
					"Two keys sign each envelope together, for recorders of which the authority demands two signatures.",
				Flags:  []cli.Flag{homeFlag(), formatFlag(), jsonFlag()},
				Action: keyUse,
			},
			{
				Name: "list", Usage: "the signing keys of this home, and which of them signs; at the authority, those of an operator",
				Flags:  []cli.Flag{homeFlag(), stringFlag("operator", "at the authority: whose, an operator's `NAME`"), formatFlag(), jsonFlag()},
				Action: keyList,
			},
			{
				Name: "add", Usage: "let an operator sign with one more key, that of a request", ArgsUsage: "REQUEST",
				Flags: []cli.Flag{homeFlag(), timeoutFlag(registryWait), formatFlag(), jsonFlag()},
				Action: func(c *cli.Context) error {
					args, err := arguments(c, "REQUEST")
					if err != nil {
						return err
					}
					request, err := home.ReadRequest(args[0])
					if err != nil {
						return err
					}
					key, err := events.ParsePublicKey(request.Key)
					if err != nil {
						return err
					}
					return registrar(c, func(ctx context.Context, r *authority.Registrar) error {
						leaf, err := r.AddKey(ctx, request.Name, key)
						if err != nil {
							return err
						}
						return leafResult("key", string(key.ID()), leaf).print(c)
					})
				},
			},
			{
				Name: "revoke", Usage: "end a key's validity from the next leaf on", ArgsUsage: "KEYID",
				Description: "KEYID may be cut short where the registry is on this machine: saksi key list --operator NAME has it. What it signed before stays accepted. With --from, what was received of it since then becomes the finding doubtful-key.",
				Flags: []cli.Flag{homeFlag(), operatorFlag, stringFlag("reason", "`WHY`, for the record"),
					&cli.TimestampFlag{Name: "from", Usage: "the `TIME` from which what it signed is in doubt", Layout: time.RFC3339, EnvVars: env("from")},
					timeoutFlag(registryWait), formatFlag(), jsonFlag()},
				Action: func(c *cli.Context) error {
					args, err := arguments(c, "KEYID")
					if err != nil {
						return err
					}
					if err := required(c, "operator", "reason"); err != nil {
						return err
					}
					var from time.Time
					if t := c.Timestamp("from"); t != nil {
						from = *t
					}
					if from.After(time.Now()) {
						return usage("--from %s is in the future: it says since when what the key signed is in doubt", from.Format(time.RFC3339))
					}
					id, err := registeredKey(c, c.String("operator"), args[0])
					if err != nil {
						return err
					}
					return registrar(c, func(ctx context.Context, r *authority.Registrar) error {
						leaf, err := r.RevokeKey(ctx, c.String("operator"), id, from, c.String("reason"))
						if err != nil {
							return err
						}
						return leafResult("key", string(id), leaf).print(c)
					})
				},
			},
		},
	}
}

// held runs f with the operator's or reader's home, whose own keys are asked about.
func held(c *cli.Context, f func(party) error) error {
	if err := required(c, "home"); err != nil {
		return err
	}
	h, err := joining(homeOf(c))
	if err != nil {
		return err
	}
	return f(h)
}

func keyNew(c *cli.Context) error {
	if _, err := arguments(c); err != nil {
		return err
	}
	return held(c, func(h party) error {
		request, key, err := h.NewKey(keySpec(c))
		if err != nil {
			return err
		}
		fingerprint := home.Fingerprint(key)
		return result{
			document: map[string]any{"request": request, "keyid": key.ID(), "fingerprint": fingerprint},
			rows:     [][]any{{"key", string(key.ID())}, {"request", request}, {"fingerprint", fingerprint}},
			note:     "Give the request to the authority, for saksi key add. Then saksi key use signs with it.",
		}.print(c)
	})
}

func keyUse(c *cli.Context) error {
	if err := flagsBefore(c, " KEYID..."); err != nil {
		return err
	}
	if c.NArg() == 0 {
		return usage("%s takes KEYID..., and there is none", c.Command.HelpName)
	}
	return held(c, func(h party) error {
		keys, err := h.UseKeys(c.Args().Slice()...)
		if err != nil {
			return err
		}
		var out result
		var ids []events.KeyID
		for _, key := range keys {
			ids = append(ids, key.ID())
			out.rows = append(out.rows, []any{"key", string(key.ID())})
		}
		out.document = map[string]any{"keyids": ids}
		return out.print(c)
	})
}

func keyList(c *cli.Context) error {
	if _, err := arguments(c); err != nil {
		return err
	}
	if operator := c.String("operator"); operator != "" {
		return registeredKeys(c, operator)
	}
	return held(c, func(h party) error {
		keys, err := h.Keys()
		if err != nil {
			return err
		}
		out := result{document: keys, columns: []string{"key", "algorithm", "kept", "signs"}}
		for _, k := range keys {
			signs := "no"
			if k.Signs {
				signs = "yes"
			}
			out.rows = append(out.rows, []any{string(k.ID), string(k.Algorithm), k.Kept, signs})
		}
		return out.print(c)
	})
}

// registeredKeys lists what the registry has of an operator.
func registeredKeys(c *cli.Context, operator string) error {
	r, err := registry(c)
	if err != nil {
		return err
	}
	keys := r.KeysOf(operator)
	if len(keys) == 0 {
		return hinted{fmt.Errorf("the registry has no keys of an operator %q", operator), "saksi operator list lists them"}
	}
	out := result{document: keys, columns: []string{"key", "algorithm", "revoked by leaf"}}
	for _, k := range keys {
		by := ""
		if k.RevokedBy > 0 {
			by = strconv.FormatUint(k.RevokedBy, 10)
		}
		out.rows = append(out.rows, []any{string(k.ID), string(k.Algorithm), by})
	}
	return out.print(c)
}

// registeredKey is the one key of an operator whose id begins so. Where the registry is on
// another machine the id must be whole.
func registeredKey(c *cli.Context, operator, id string) (events.KeyID, error) {
	const whole = 64
	h, err := home.OpenAuthority(homeOf(c))
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
		return "", hinted{fmt.Errorf("%d keys of %s have an id that begins with %.80q", len(found), operator, id), "saksi key list --operator " + operator + " shows them"}
	}
	return found[0], nil
}
