package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/urfave/cli/v2"
)

// benchCommand keeps the name that the program saksi-bench had when it was part of this one.
func benchCommand() *cli.Command {
	return &cli.Command{
		Name:            "bench",
		Usage:           "run saksi-bench, which measures a ledger of its own on this machine",
		Category:        "everyone",
		Hidden:          true,
		SkipFlagParsing: true,
		Action:          runBench,
	}
}

func runBench(c *cli.Context) error {
	program, err := benchProgram()
	if err != nil {
		return hinted{fmt.Errorf("run saksi-bench: %w", err), "build it from the same source: go build -o bin/ ./cmd/saksi-bench"}
	}
	run := exec.CommandContext(c.Context, program, c.Args().Slice()...)
	run.Stdin, run.Stdout, run.Stderr = os.Stdin, c.App.Writer, c.App.ErrWriter
	if err := run.Run(); err != nil {
		return fmt.Errorf("run %s: %w", program, err)
	}
	return nil
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
