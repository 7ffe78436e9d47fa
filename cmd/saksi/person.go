package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/saksi-ledger/saksi/events/safetext"
	"github.com/saksi-ledger/saksi/ops/authority"
)

func personCommand() *cli.Command {
	operatorFlag := stringFlag("operator", "the `OPERATOR` whose pseudonym it is")
	ground := &cli.StringFlag{Name: "ground", Aliases: []string{"reason"}, Usage: "on what `GROUND`, as a code; it stands in the record", EnvVars: env("ground")}
	facility := &cli.StringSliceFlag{Name: "facility", Usage: "only at this `FACILITY`; may be repeated; none: everywhere"}
	order := stringFlag("order", "the `NUMBER` of the order")
	return &cli.Command{
		Name: "person", Usage: "read who stands behind a pseudonym, or erase it", Category: "authority",
		Flags: []cli.Flag{homeFlag()},
		Subcommands: []*cli.Command{
			{
				Name: "reveal", Usage: "read what was disclosed of a person", ArgsUsage: "PSEUDONYM",
				Description: "That it is read, by whom and on what ground, is put on record first, where the operator sees it: saksi view reveals. What\n" +
					"was disclosed is decrypted here, with the home's own identity, and held to the digests in each event.",
				Flags:  []cli.Flag{homeFlag(), operatorFlag, ground, order, facility, timeoutFlag(registryWait), formatFlag(), jsonFlag()},
				Action: revealPerson,
			},
			{
				Name: "erase", Usage: "erase all that tells who a pseudonym is", ArgsUsage: "PSEUDONYM",
				Description: "The node erases every disclosure of it that it keeps, and what comes later. Pseudonym, digests and all proofs stay, and\n" +
					"stand for nobody. The operator erases its own by saksi outbox erase. A legal hold keeps it until released.",
				Flags:  []cli.Flag{homeFlag(), operatorFlag, ground, order, facility, timeoutFlag(eraseWait), formatFlag(), jsonFlag()},
				Action: erasePerson,
			},
		},
	}
}

func personOf(c *cli.Context) (authority.Person, error) {
	args, err := arguments(c, "PSEUDONYM")
	if err != nil {
		return authority.Person{}, err
	}
	if err := required(c, "operator", "ground"); err != nil {
		return authority.Person{}, err
	}
	return authority.Person{Operator: c.String("operator"), Actor: args[0], Facilities: c.StringSlice("facility")}, nil
}

func revealPerson(c *cli.Context) error {
	who, err := personOf(c)
	if err != nil {
		return err
	}
	return registrar(c, func(ctx context.Context, r *authority.Registrar) error {
		revealed, err := r.Reveal(ctx, who, c.String("ground"), c.String("order"))
		if err != nil {
			return err
		}
		out := result{document: revealed, columns: []string{"event", "recorder", "what", "value"}}
		opened := 0
		for _, e := range revealed.Events {
			if e.Problem != "" {
				out.rows = append(out.rows, []any{e.Ref, e.Recorder, "", safetext.Line(e.Problem)})
				continue
			}
			opened++
			for _, fact := range e.Facts {
				value, err := json.Marshal(fact.Value)
				if err != nil {
					return err
				}
				out.rows = append(out.rows, []any{e.Ref, e.Recorder, safetext.Line(fact.Name), safetext.Line(strings.Trim(string(value), `"`))})
			}
		}
		out.note = fmt.Sprintf("On record as leaf %d, where the operator sees it. %d of %d events have disclosures, each of which its event holds the digest of.\n",
			revealed.Leaves[0], opened, len(revealed.Events))
		return out.print(c)
	})
}

func erasePerson(c *cli.Context) error {
	who, err := personOf(c)
	if err != nil {
		return err
	}
	return registrar(c, func(ctx context.Context, r *authority.Registrar) error {
		texts, err := r.PersonTexts(ctx, who)
		member := errors.Is(err, authority.ErrMember)
		if err != nil && !member {
			return err
		}
		leaf, err := r.ErasePerson(ctx, who, c.String("ground"), c.String("order"))
		if err != nil {
			return err
		}
		document := map[string]any{"actor": who.Actor, "operator": who.Operator, "leaf": leaf}
		out := result{document: document, rows: [][]any{{"pseudonym", who.Actor}, {"operator", who.Operator}, {"leaf", leaf}}}
		if member {
			out.note = "The authority that runs the ledger has its node erase it.\n"
			return out.print(c)
		}
		found, hold, err := r.AwaitPersonErased(ctx, leaf, texts)
		if err != nil {
			return err
		}
		document["disclosures"] = len(texts)
		out.rows = append(out.rows, []any{"disclosures", len(texts)})
		if hold != "" {
			document["hold"] = hold
			out.note = fmt.Sprintf("Hold %s keeps it: it is erased when that is released.\n", hold)
			return out.print(c)
		}
		document["search"] = found
		out.note = fmt.Sprintf("Erased. %d files of %d bytes were searched for it: %s.\n", found.Files, found.Bytes, hits(len(found.Hits)))
		if err := out.print(c); err != nil {
			return err
		}
		if len(found.Hits) > 0 {
			return errors.New("some of it is still there: " + strings.Join(found.Hits, ", "))
		}
		return nil
	})
}
