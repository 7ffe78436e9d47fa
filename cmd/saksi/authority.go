package main

import (
	"cmp"
	"context"
	"errors"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/safetext"
	"github.com/saksi-ledger/saksi/ledger/admission"
	"github.com/saksi-ledger/saksi/ops/authority"
	"github.com/saksi-ledger/saksi/ops/home"
)

func authorityCommand() *cli.Command {
	return &cli.Command{
		Name: "authority", Usage: "give other authorities a seat, list them, and rotate one's own key", Category: "authority",
		Flags: []cli.Flag{homeFlag()},
		Subcommands: []*cli.Command{
			{
				Name: "add", Usage: "admit an authority by its request, within a mandate, and write the grant for it", ArgsUsage: "REQUEST",
				Description: "Said again with other flags, it changes the mandate. The family registry is the say in who may speak; all of an\n" +
					"authority's acts are held to its mandate by admission, where everyone can see it. With --sector or --tenant it is a\n" +
					"mandate to see by: what touches those customers, as saksi tenant add declares them, and nothing else.",
				Flags: []cli.Flag{homeFlag(),
					&cli.StringSliceFlag{Name: "facility", Usage: "a `FACILITY` within the mandate; may be repeated; none: all"},
					&cli.StringSliceFlag{Name: "family", Usage: "a `FAMILY` of events within it (access, facility, attestation, registry); may be repeated; none: access, facility and attestation"},
					&cli.StringSliceFlag{Name: "sector", Usage: "only customers of this `SECTOR`; may be repeated"},
					&cli.StringSliceFlag{Name: "tenant", Usage: "only this customer, by its `ALIAS` or OPERATOR/ALIAS; may be repeated"},
					stringFlag("title", "the authority's `NAME` as it is known"),
					&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write the grant to `FILE`"},
					unknownFlag(), timeoutFlag(registryWait), formatFlag(), jsonFlag()},
				Action: addAuthority,
			},
			{
				Name: "witnesses", Usage: "ask other witnesses to cosign from now on, and demand another quorum", ArgsUsage: "POLICY|none",
				Description: "POLICY is a file of C2SP tlog-policy, as saksi init --witness-policy takes it. What is cosigned stays cosigned. Auditors\n" +
					"believe the policy of their own trust file, whatever the registry says: tell them.",
				Flags:  []cli.Flag{homeFlag(), stringFlag("reason", "`WHY`, for the record"), timeoutFlag(registryWait), formatFlag(), jsonFlag()},
				Action: adoptWitnesses,
			},
			{
				Name: "adopt", Usage: "take over the registry of the tree before this one, let its parties in again, and write grants for them", ArgsUsage: "PREDECESSOR",
				Description: "For a ledger that was made with saksi init --predecessor, while its node runs. PREDECESSOR is the directory of the other tree's\n" +
					"home, or of a copy that has the bodies of its registry. What was current under the checkpoint that the genesis holds is said\n" +
					"again, each act naming where it was said last: authorities, operators and their keys, facilities, recorders and where they stood,\n" +
					"customers, holds, witnesses. What was revoked, suspended or retired stays so. Readers come from a home. What was cut short goes on\n" +
					"when it is said again. Parties move with saksi join GRANT.",
				Flags: []cli.Flag{homeFlag(), stringFlag("reason", "`WHY` the other tree was ended, for the record"),
					&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write grants into `DIRECTORY`", TakesFile: true},
					&cli.StringSliceFlag{Name: "without-key", Usage: "a `KEYID`, or its beginning, that shall not count any more, of an operator, an authority or a reader; may be repeated"},
					&cli.StringFlag{Name: "recovery", Usage: "sign for the move with the key in `FILE`, the recovery key of the ledger before, instead of the key in PREDECESSOR", TakesFile: true},
					timeoutFlag(adoptWait), formatFlag(), jsonFlag()},
				Action: adoptRegistry,
			},
			{
				Name: "rotate", Usage: "sign with a new key from now on; the old one no longer counts",
				Description: "With --recovery the rotation is signed by the recovery key, for when the key is lost or in wrong hands.",
				Flags: []cli.Flag{homeFlag(), stringFlag("reason", "`WHY`, for the record"),
					&cli.StringFlag{Name: "recovery", Usage: "the recovery key's `FILE`"},
					&cli.StringFlag{Name: "new-recovery", Usage: "with --recovery: make another recovery key in `FILE`, which takes its place"},
					&cli.StringFlag{Name: "replaces", Usage: "the `KEYID` that is replaced, if it is not the one in the home: a thief may have rotated it"},
					algorithmFlag(), encryptFlag(), agentFlag(), timeoutFlag(registryWait), formatFlag(), jsonFlag()},
				Action: rotateAuthority,
			},
			{
				Name: "recipient", Usage: "read with a new identity from now on; what is kept for the old one is encrypted anew",
				Description: "No retention becomes longer by it. After an interruption it goes on where it was.",
				Flags:       []cli.Flag{homeFlag(), stringFlag("reason", "`WHY`, for the record"), timeoutFlag(eraseWait), formatFlag(), jsonFlag()},
				Action:      rotateRecipient,
			},
			{Name: "list", Usage: "list authorities and their mandates", Flags: []cli.Flag{homeFlag(), formatFlag(), jsonFlag()}, Action: listAuthorities},
		},
	}
}

func addAuthority(c *cli.Context) error {
	args, err := arguments(c, "REQUEST")
	if err != nil {
		return err
	}
	if err := required(c, "home", "output"); err != nil {
		return err
	}
	request, err := home.ReadRequest(args[0])
	if err != nil {
		return err
	}
	mandate := events.Mandate{
		Facilities: c.StringSlice("facility"), Families: c.StringSlice("family"), Sectors: c.StringSlice("sector"), Tenants: c.StringSlice("tenant"),
	}
	if err := named(c, nil, mandate.Facilities); err != nil {
		return err
	}
	if err := namedCustomers(c, mandate.Tenants, ""); err != nil {
		return err
	}
	if len(mandate.Facilities) == 0 {
		mandate.Facilities = []string{events.All}
	}
	if len(mandate.Families) == 0 {
		mandate.Families = []string{"access", "facility", "attestation"}
	}
	if err := knownFamilies(mandate.Families); err != nil {
		return err
	}
	return registrar(c, func(ctx context.Context, r *authority.Registrar) error {
		grant, leaf, err := r.AddAuthority(ctx, request, c.String("title"), mandate)
		if err != nil {
			return err
		}
		if err := home.WriteJSON(c.String("output"), grant, 0o644); err != nil {
			return err
		}
		return result{
			document: map[string]any{"authority": grant.Name, "leaf": leaf, "grant": c.String("output"), "mandate": mandate},
			rows:     [][]any{{"authority", grant.Name}, {"leaf", leaf}, {"mandate", mandateText(mandate)}, {"grant", c.String("output")}},
			note:     "Give the grant to the authority. Nothing in it is secret.",
		}.print(c)
	})
}

// knownFamilies tells of a family that there is none of.
func knownFamilies(families []string) error {
	for _, family := range families {
		if !slices.Contains([]string{events.All, events.FamilyAccess, events.FamilyFacility, events.FamilyAttestation, events.FamilyRegistry}, family) {
			return usage("--family %s: want access, facility, attestation, registry or *", family)
		}
	}
	return nil
}

func rotateAuthority(c *cli.Context) error {
	if _, err := arguments(c); err != nil {
		return err
	}
	if err := required(c, "home", "reason"); err != nil {
		return err
	}
	if c.String("new-recovery") != "" && c.String("recovery") == "" {
		return usage("--new-recovery needs --recovery: only the recovery key can name another")
	}
	return registrar(c, func(ctx context.Context, r *authority.Registrar) error {
		by := r.Key()
		replaces := events.KeyID(c.String("replaces"))
		switch {
		case replaces != "":
		case by == nil:
			return usage("the key that is replaced is not in this home: name it with --replaces; saksi authority list --json has its id")
		default:
			replaces = by.PublicKey().ID()
		}
		if file := c.String("recovery"); file != "" {
			var err error
			if by, err = home.ReadKey(file); err != nil {
				return err
			}
		}
		var recovery *events.PublicKey
		if file := c.String("new-recovery"); file != "" {
			made, err := home.NewKey(file)
			if errors.Is(err, os.ErrExist) { // of an attempt that was cut short
				made, err = home.ReadKey(file)
			}
			if err != nil {
				return err
			}
			public := made.PublicKey()
			recovery = &public
		}
		key, leaf, err := r.RotateKey(ctx, by, replaces, recovery, keySpec(c), c.String("reason"))
		if err != nil {
			return err
		}
		return result{
			document: map[string]any{"keyid": key.ID(), "replaces": replaces, "leaf": leaf},
			rows:     [][]any{{"new key", home.Fingerprint(key)}, {"replaces", string(replaces)[:12]}, {"leaf", leaf}},
		}.print(c)
	})
}

func adoptWitnesses(c *cli.Context) error {
	args, err := arguments(c, "POLICY")
	if err != nil {
		return err
	}
	if err := required(c, "home", "reason"); err != nil {
		return err
	}
	policy := ""
	if args[0] != "none" {
		if policy, err = witnessPolicy(args[0]); err != nil {
			return err
		}
	}
	return registrar(c, func(ctx context.Context, r *authority.Registrar) error {
		leaf, err := r.AdoptWitnesses(ctx, policy, c.String("reason"))
		if err != nil {
			return err
		}
		return leafResult("witness policy", args[0], leaf).print(c)
	})
}

func listAuthorities(c *cli.Context) error {
	r, err := registry(c)
	if err != nil {
		return err
	}
	all := r.Authorities()
	slices.SortFunc(all, func(a, b admission.Authority) int { return cmp.Compare(a.Name, b.Name) })
	out := result{document: all, columns: []string{"authority", "mandate", "admitted by", "key", "leaf"}}
	for _, a := range all {
		out.rows = append(out.rows, []any{a.Name, mandateText(a.Mandate), cmp.Or(a.AdmittedBy, "genesis"), string(a.Key)[:12], a.Leaf})
	}
	return out.print(c)
}

// mandateText says a mandate in a line.
func mandateText(m events.Mandate) string {
	all := func(names []string, everything string) string {
		if slices.Contains(names, events.All) {
			return everything
		}
		return strings.Join(names, ", ")
	}
	text := all(m.Families, "everything") + " at " + all(m.Facilities, "every facility")
	if len(m.Sectors) > 0 {
		text += ", sectors " + strings.Join(m.Sectors, ", ")
	}
	if len(m.Tenants) > 0 {
		text += ", customers " + strings.Join(m.Tenants, ", ")
	}
	return text
}

// retirement is the command that ends a facility or a recorder.
func retirement(what string, act func(*authority.Registrar, context.Context, string, string) (uint64, error)) *cli.Command {
	return &cli.Command{
		Name: "retire", Usage: "end a " + what + ": nothing more of it is accepted, until it is declared again", ArgsUsage: "NAME",
		Flags: []cli.Flag{homeFlag(), stringFlag("reason", "`WHY`, for the record"), timeoutFlag(registryWait), formatFlag(), jsonFlag()},
		Action: func(c *cli.Context) error {
			args, err := arguments(c, "NAME")
			if err != nil {
				return err
			}
			if err := required(c, "reason"); err != nil {
				return err
			}
			return registrar(c, func(ctx context.Context, r *authority.Registrar) error {
				leaf, err := act(r, ctx, args[0], c.String("reason"))
				if err != nil {
					return err
				}
				return leafResult(what, args[0], leaf).print(c)
			})
		},
	}
}

func rotateRecipient(c *cli.Context) error {
	if _, err := arguments(c); err != nil {
		return err
	}
	return registrar(c, func(ctx context.Context, r *authority.Registrar) error {
		done, err := r.RotateRecipient(ctx, c.String("reason"))
		if err != nil {
			return err
		}
		out := result{document: done, rows: [][]any{{"recipient", done.Recipient}, {"leaf", done.Leaf}, {"encrypted anew", done.Reencrypted.Done}}}
		if done.Reencrypted.Failed > 0 {
			out.rows = append(out.rows, []any{"opened by nobody", done.Reencrypted.Failed})
			out.note = "What says to be for the old identity and does not open with it stays as it is: " + safetext.Line(strings.Join(done.Reencrypted.Named[:min(3, len(done.Reencrypted.Named))], "; ")) + "\n"
		}
		return out.print(c)
	})
}
