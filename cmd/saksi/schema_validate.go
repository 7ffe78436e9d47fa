package main

import (
	"context"
	"fmt"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/ledger/hint"
	"github.com/saksi-ledger/saksi/ops/operator"
)

type schemaValidateInput struct{ file string }

func schemaValidate() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "schema validate", Roles: []string{starting, operators},
		Summary: "check events against their schemas, and publish nothing",
		Text: "Each line of FILE is one event as JSON, as saksi publish takes them or whole. The exit status is 1 if one is not as its schema wants it. " +
			"For -, events are read from standard input.",
		Examples: []string{"saksi schema validate events.jsonl", "saksi schema validate --json -"},
	}, func(in *schemaValidateInput, f *cmdline.Flags) {
		f.Argument(&in.file, "FILE|-").File()
		f.Format()
	}, runSchemaValidate)
}

func runSchemaValidate(_ context.Context, s *cmdline.Session, in *schemaValidateInput) (*cmdline.Result, error) {
	file, name, err := s.Open(in.file)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	v, err := operator.Validate(file, name)
	if err != nil {
		return nil, err
	}
	if v.Invalid == 0 {
		return cmdline.Pairs(v, "events", v.Events, "invalid", 0), nil
	}
	out := &cmdline.Result{Document: v, Columns: []string{"line", "where", "problem"}}
	for _, p := range v.Problems {
		out.Rows = append(out.Rows, []any{p.Line, p.Path, p.Problem})
	}
	return out, hint.With(fmt.Errorf("%s: %d of %d events are not as their schemas want them", name, v.Invalid, v.Events), "saksi schema show TYPE says what goes in")
}
