package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/hint"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

type redactInput struct {
	outputInput
	file  string
	names []string
}

func redactCommand() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "redact", Roles: []string{auditor, regulator},
		Summary: "take events out of a piece of evidence, so that all else in it still verifies",
		Text: "Writes another file. Of an event that is taken out, it stays proven that it was signed, by whom, when, and what its digest is, and verify says " +
			"that it is not shown. Only events that the evidence is about can be taken out. Nobody is asked.",
		Examples: []string{
			"saksi redact --output public.saksi visits.saksi 12/3",
			"saksi redact -o public.saksi --force visits.saksi 12/3 14/0",
		},
	}, func(in *redactInput, f *cmdline.Flags) {
		f.Argument(&in.file, "FILE").File()
		f.Rest(&in.names, "LEAF/EVENT", 1)
		in.outputInput.bind(f, "write it to `FILE`").Required()
		f.Format()
	}, runRedact)
}

func runRedact(_ context.Context, _ *cmdline.Session, in *redactInput) (*cmdline.Result, error) {
	file, err := in.outputInput.file(in.file, in.file+custodySuffix)
	if err != nil {
		return nil, err
	}
	var refs []events.Ref
	for _, text := range in.names {
		ref, err := events.ParseRef(text)
		if err != nil {
			return nil, cmdline.WithStatus(cmdline.WrongUsage, err)
		}
		refs = append(refs, ref)
	}
	if err := bundleAlone(in.file); err != nil {
		return nil, err
	}
	bundle, err := readBundle(in.file)
	if err != nil {
		return nil, err
	}
	var taken, gone []string
	for i, ref := range refs {
		if slices.Contains(bundle.Withheld, ref) {
			gone = append(gone, in.names[i])
		} else {
			taken = append(taken, in.names[i])
		}
	}
	if err := bundle.Redact(refs...); err != nil {
		return nil, err
	}
	if len(taken) == 0 {
		return nil, fmt.Errorf("%s: %s is out already: nothing was written", in.file, strings.Join(gone, " "))
	}
	own, err := bundle.OwnTrust()
	if err != nil {
		return nil, err
	}
	size, err := writeBundle(file, bundle, func(f *os.File, size int64) error {
		if _, err := verify.Verify(f, size, own, verify.Options{}); err != nil {
			return hint.With(fmt.Errorf("without them it holds no longer: %w", err), "another event in it rests on one of them, or it didn't hold before")
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := cmdline.Pairs(map[string]any{"evidence": in.output, "bytes": size, "redacted": taken, "withheld": len(bundle.Withheld)},
		"evidence", fmt.Sprintf("%s, %d bytes", in.output, size), "taken out", strings.Join(taken, " "), "withheld in all", len(bundle.Withheld))
	out.Note = "What was taken out is still in " + in.file + "."
	if len(gone) > 0 {
		out.Note = "Out already: " + strings.Join(gone, " ") + ".\n" + out.Note
	}
	return out, nil
}
