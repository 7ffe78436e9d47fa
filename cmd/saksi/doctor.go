package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/saksi-ledger/saksi/ops/doctor"
)

func doctorCommand() *cli.Command {
	return &cli.Command{
		Name:     "doctor",
		Usage:    "what is wrong with this node, and what to do",
		Category: "authority",
		Description: "Looks at keys, disk, node, checkpoint, views, anchors, timestamps, witnesses and registry, and changes nothing. The exit status is 1\n" +
			"if something is wrong.",
		Flags: []cli.Flag{homeFlag(), formatFlag(), jsonFlag()},
		Action: func(c *cli.Context) error {
			if _, err := arguments(c); err != nil {
				return err
			}
			if err := required(c, "home"); err != nil {
				return err
			}
			parts, err := doctor.Examine(c.Context, homeOf(c))
			if err != nil {
				return err
			}
			out := result{document: parts, columns: []string{"part", "state", "found", "do"}}
			wrong := 0
			for _, p := range parts {
				if p.State == doctor.Wrong {
					wrong++
				}
				out.rows = append(out.rows, []any{p.Name, p.State, p.Found, p.Do})
			}
			if err := out.print(c); err != nil {
				return err
			}
			if wrong > 0 {
				return fmt.Errorf("%d of %d parts are not well", wrong, len(parts))
			}
			return nil
		},
	}
}
