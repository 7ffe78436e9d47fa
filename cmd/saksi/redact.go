package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

func redactCommand() *cli.Command {
	return &cli.Command{
		Name:      "redact",
		Usage:     "take events out of a piece of evidence, so that all else in it still verifies",
		Category:  "auditor",
		ArgsUsage: "FILE LEAF/EVENT…",
		Description: "Writes another file. Of an event that is taken out, that it was signed, by whom, when, and its digest stay proven, and\n" +
			"verify says that it is not shown. Only events that the evidence is about can be taken out. Nobody is asked.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write it to `FILE`", TakesFile: true}, forceFlag(), formatFlag(), jsonFlag()},
		Action: redact,
	}
}

func redact(c *cli.Context) error {
	const want = " FILE and one LEAF/EVENT or more"
	if err := flagsBefore(c, want); err != nil {
		return err
	}
	if err := required(c, "output"); err != nil {
		return err
	}
	if c.NArg() < 2 {
		return usage("%s takes%s", c.Command.HelpName, want)
	}
	file, err := output(c, "output", c.String("output"), c.Args().First(), c.Args().First()+custodySuffix)
	if err != nil {
		return err
	}
	var refs []events.Ref
	var names []string
	for _, text := range c.Args().Slice()[1:] {
		ref, err := events.ParseRef(text)
		if err != nil {
			return statusError{exitUsage, err}
		}
		refs, names = append(refs, ref), append(names, text)
	}
	if err := bundleAlone(c.Args().First()); err != nil {
		return err
	}
	bundle, err := readBundle(c.Args().First())
	if err != nil {
		return err
	}
	var taken, gone []string
	for i, ref := range refs {
		if slices.Contains(bundle.Withheld, ref) {
			gone = append(gone, names[i])
		} else {
			taken = append(taken, names[i])
		}
	}
	if err := bundle.Redact(refs...); err != nil {
		return err
	}
	if len(taken) == 0 {
		return fmt.Errorf("%s: %s is out already: nothing was written", c.Args().First(), strings.Join(gone, " "))
	}
	own, err := bundle.OwnTrust()
	if err != nil {
		return err
	}
	size, err := writeBundle(file, bundle, func(f *os.File, size int64) error {
		if _, err := verify.Verify(f, size, own, verify.Options{}); err != nil {
			return hinted{fmt.Errorf("without them it holds no longer: %w", err), "another event in it rests on one of them, or it didn't hold before"}
		}
		return nil
	})
	if err != nil {
		return err
	}
	note := "What was taken out is still in " + c.Args().First() + "."
	if len(gone) > 0 {
		note = "Out already: " + strings.Join(gone, " ") + ".\n" + note
	}
	return result{
		document: map[string]any{"evidence": c.String("output"), "bytes": size, "redacted": taken, "withheld": len(bundle.Withheld)},
		rows: [][]any{
			{"evidence", fmt.Sprintf("%s, %d bytes", c.String("output"), size)}, {"taken out", strings.Join(taken, " ")}, {"withheld in all", len(bundle.Withheld)},
		},
		note: note,
	}.print(c)
}

// readBundle reads a whole bundle.
func readBundle(path string) (*verify.Bundle, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	b, err := verify.ReadBundle(f, info.Size())
	if err != nil {
		return nil, doesNotHold(path, err)
	}
	return b, nil
}
