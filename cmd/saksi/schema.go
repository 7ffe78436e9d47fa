package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

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
				Name: "show", Usage: "print the JSON Schema of a type's data", ArgsUsage: "TYPE",
				Action: func(c *cli.Context) error {
					args, err := arguments(c, "TYPE")
					if err != nil {
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
		},
	}
}
