package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/saksi-ledger/saksi/ops/operator"
	"github.com/saksi-ledger/saksi/schemas"
)

func schemaCommand() *cli.Command {
	return &cli.Command{
		Name: "schema", Usage: "the event types and their JSON Schemas", Category: "everyone",
		Subcommands: []*cli.Command{
			{
				Name: "list", Usage: "list event types", Flags: []cli.Flag{formatFlag(), jsonFlag()},
				Action: func(c *cli.Context) error {
					if _, err := arguments(c); err != nil {
						return err
					}
					types := schemas.Types()
					out := result{document: types, columns: []string{"type"}}
					for _, t := range types {
						out.rows = append(out.rows, []any{t})
					}
					return out.print(c)
				},
			},
			{
				Name: "show", Usage: "print the JSON Schema of a type's data, or the AsyncAPI document of all subjects", ArgsUsage: "TYPE|asyncapi",
				Action: func(c *cli.Context) error {
					args, err := arguments(c, "TYPE|asyncapi")
					if err != nil {
						return err
					}
					if args[0] == "asyncapi" {
						_, err := c.App.Writer.Write(schemas.AsyncAPI())
						return err
					}
					text, ok := schemas.Event(args[0])
					if !ok {
						return hinted{fmt.Errorf("there is no type %q", args[0]), "saksi schema list shows those there are"}
					}
					_, err = c.App.Writer.Write(text)
					return err
				},
			},
			{
				Name: "validate", Usage: "hold events to their schemas, and publish nothing", ArgsUsage: "FILE|-",
				Description: "Each line of FILE is one event as JSON, as saksi publish takes them or whole. The exit status is 1 if one\n" +
					"is not as its schema wants it.",
				Flags:  []cli.Flag{formatFlag(), jsonFlag()},
				Action: validateEvents,
			},
		},
	}
}

func validateEvents(c *cli.Context) error {
	args, err := arguments(c, "FILE|-")
	if err != nil {
		return err
	}
	in, name, err := openInput(c, args[0])
	if err != nil {
		return err
	}
	defer in.Close()
	v, err := operator.Validate(in, name)
	if err != nil {
		return err
	}
	out := result{document: v, columns: []string{"line", "where", "problem"}}
	for _, p := range v.Problems {
		out.rows = append(out.rows, []any{p.Line, p.Path, p.Problem})
	}
	if v.Invalid == 0 {
		out.columns, out.rows = nil, [][]any{{"events", v.Events}, {"invalid", 0}}
	}
	if err := out.print(c); err != nil {
		return err
	}
	if v.Invalid > 0 {
		return hinted{fmt.Errorf("%s: %d of %d events are not as their schemas want them", name, v.Invalid, v.Events), "saksi schema show TYPE says what goes in"}
	}
	return nil
}
