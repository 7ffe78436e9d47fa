package main

import (
	"context"
	"io"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
)

type completionInput struct{ shell string }

func completion() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "completion", Roles: []string{starting},
		Summary: "print what a shell reads to complete commands, flags, names and columns",
		Text:    "For bash, zsh and fish. What is printed says where to put it.",
		Examples: []string{
			"saksi completion bash",
			"saksi completion zsh > _saksi",
			"saksi completion fish > ~/.config/fish/completions/saksi.fish",
		},
	}, func(in *completionInput, f *cmdline.Flags) {
		f.Argument(&in.shell, "SHELL").Complete(cmdline.OneOf("bash", "zsh", "fish"))
	}, func(_ context.Context, s *cmdline.Session, in *completionInput) (*cmdline.Result, error) {
		text, err := newProgram(s.In, s.Out, s.Err).Completion(in.shell)
		if err != nil {
			return nil, err
		}
		_, err = io.WriteString(s.Out, text)
		return nil, err
	})
}
