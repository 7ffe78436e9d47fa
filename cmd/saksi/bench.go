package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/ledger/hint"
)

type benchInput struct{ arguments []string }

// benchCommand keeps the name that the program saksi-bench had when it was part of this one.
func benchCommand() cmdline.Command {
	return cmdline.New(cmdline.Command{Path: "bench", Hidden: true, Raw: true, Summary: "run saksi-bench, which measures a ledger of its own on this machine"},
		func(in *benchInput, f *cmdline.Flags) { f.Rest(&in.arguments, "ARGUMENT", 0) }, runBench)
}

func runBench(ctx context.Context, s *cmdline.Session, in *benchInput) (*cmdline.Result, error) {
	program, err := benchProgram()
	if err != nil {
		return nil, hint.With(fmt.Errorf("run saksi-bench: %w", err), "build it from the same source: go build -o bin/ ./cmd/saksi-bench")
	}
	run := exec.CommandContext(ctx, program, in.arguments...)
	run.Stdin, run.Stdout, run.Stderr = os.Stdin, s.Out, s.Err
	if err := run.Run(); err != nil {
		return nil, fmt.Errorf("run %s: %w", program, err)
	}
	return nil, nil
}

// benchProgram finds saksi-bench beside this program, or where the system looks for programs.
func benchProgram() (string, error) {
	if self, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(self), "saksi-bench")
		if _, err := os.Stat(beside); err == nil {
			return beside, nil
		}
	}
	program, err := exec.LookPath("saksi-bench")
	if errors.Is(err, exec.ErrNotFound) {
		return "", errors.New("it is neither beside saksi nor in the PATH")
	}
	return program, err
}
