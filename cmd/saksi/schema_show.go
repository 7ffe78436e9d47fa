package main

import (
	"context"
	"fmt"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/ledger/hint"
	"github.com/saksi-ledger/saksi/schemas"
)

type schemaShowInput struct{ name string }

func schemaShow() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "schema show", Roles: []string{starting, operators},
		Summary:  "print the JSON Schema of a type's data, or the AsyncAPI document of all subjects",
		Examples: []string{"saksi schema show saksi.access.performed.v1", "saksi schema show asyncapi"},
	}, func(in *schemaShowInput, f *cmdline.Flags) {
		f.Argument(&in.name, "TYPE|asyncapi").Complete(completeTypes)
	}, runSchemaShow)
}

func runSchemaShow(_ context.Context, s *cmdline.Session, in *schemaShowInput) (*cmdline.Result, error) {
	if in.name == "asyncapi" {
		_, err := s.Out.Write(schemas.AsyncAPI())
		return nil, err
	}
	text, ok := schemas.Event(in.name)
	if !ok {
		do := "saksi schema list lists them"
		if near := hint.DidYouMean(in.name, schemas.Types()); near != "" {
			do += "; " + near
		}
		return nil, hint.With(fmt.Errorf("there is no type %q", in.name), do)
	}
	_, err := s.Out.Write(text)
	return nil, err
}
