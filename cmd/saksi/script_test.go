package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/saksi-ledger/saksi/events/slowtest"
	"github.com/saksi-ledger/saksi/ledger/countersign/timestamp/timestamptest"
	"github.com/saksi-ledger/saksi/ops/home"
	"github.com/saksi-ledger/saksi/ops/viewstore"
	"github.com/saksi-ledger/saksi/projections"
)

// scriptProgram names, in the environment, a program that scripts run in place of this one:
// with the race detector a program starts slowly, and scripts start hundreds.
const scriptProgram = "SAKSI_SCRIPT_PROGRAM"

// scriptTime bounds each wait of a script.
const scriptTime = 5 * time.Minute

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"saksi": func() {
		path := os.Getenv(scriptProgram)
		if path == "" {
			main()
			return
		}
		fmt.Fprintln(os.Stderr, syscall.Exec(path, append([]string{"saksi"}, os.Args[1:]...), os.Environ()))
		os.Exit(126)
	}})
}

// TestScripts runs testdata/script/*.txtar: what people type, and what they see.
//
// Beside testscript's own commands there are:
//
//	status N PROGRAM ARG…   run a program that must end with exit status N
//	ready HOME              wait until the node of an authority's home answers
//	json PATH VALUE         the JSON on stdout has this at a path such as flushed.events
//	mode OCTAL FILE…        files have these permissions
//	flip FILE OFFSET        change one byte; an offset below 0 counts from the end
//	seen HOME VIEW N COND…  wait until a view has that many rows that satisfy the conditions
//	keep NAME               the last line on stdout becomes a variable
//	gone HOME TEXT          no file below the home has the text
//	authority FILE          a timestamp authority runs at $TSA, with its certificates in FILE
//	answers SOCKET          wait until something listens on a Unix socket
//	enter PATTERN FILE      wait until a directory matches that has the file, and change to it
//
// A script of the slow set begins with [!slow] skip 'slow set: why'.
func TestScripts(t *testing.T) {
	cloudtrail, err := filepath.Abs("../../../shared/data/cloudtrail/invictus")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			// Free ports, so that scripts run beside each other and beside a node.
			e.Setenv("SAKSI_NATS_LISTEN", "127.0.0.1:0")
			e.Setenv("SAKSI_HTTP_LISTEN", "127.0.0.1:0")
			e.Setenv("NO_COLOR", "1")
			// Anchors are leaves: scripts that count leaves do without.
			e.Setenv("SAKSI_REKOR", "none")
			e.Setenv("CLOUDTRAIL", cloudtrail)
			e.Setenv(scriptProgram, os.Getenv(scriptProgram))
			return nil
		},
		Condition: func(name string) (bool, error) {
			var err error
			switch name {
			case "cloudtrail":
				_, err = os.Stat(cloudtrail)
			case "slow":
				return slowtest.Enabled(), nil
			case "timestamps":
				_, err = timestamptest.Program()
			default:
				return false, fmt.Errorf("unknown condition %q", name)
			}
			return err == nil, nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status": scriptStatus, "ready": scriptReady, "json": scriptJSON, "mode": scriptMode, "flip": scriptFlip, "keep": scriptKeep, "seen": scriptSeen,
			"answers": scriptAnswers, "gone": scriptGone, "enter": scriptEnter, "authority": func(ts *testscript.TestScript, neg bool, args []string) {
				if neg || len(args) != 1 {
					ts.Fatalf("usage: authority FILE")
				}
				url, chain := timestamptest.Start(t)
				ts.Check(os.WriteFile(ts.MkAbs(args[0]), chain, 0o600))
				ts.Setenv("TSA", url)
			},
		},
	})
}

func scriptStatus(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N PROGRAM ARG…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit status %d: want %d", got, want)
	}
}

func scriptReady(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: ready HOME")
	}
	dir := ts.MkAbs(args[0])
	client := &http.Client{Timeout: time.Minute}
	var err error
	for deadline := time.Now().Add(scriptTime); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if err = healthy(client, dir); err == nil {
			return
		}
	}
	ts.Fatalf("the node of %s did not become ready: %v", args[0], err)
}

func healthy(client *http.Client, dir string) error {
	authority, err := home.OpenAuthority(dir)
	if err != nil {
		return err
	}
	addresses, err := authority.Addresses()
	if err != nil {
		return err
	}
	response, err := client.Get(addresses.LocalURL() + "/healthz")
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && (response.StatusCode != http.StatusOK || string(body) != "ok\n") {
		err = fmt.Errorf("healthz: %s: %q", response.Status, body)
	}
	return err
}

func scriptJSON(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: json PATH VALUE")
	}
	decoder := json.NewDecoder(strings.NewReader(ts.ReadFile("stdout")))
	decoder.UseNumber()
	var value any
	ts.Check(decoder.Decode(&value))
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		ts.Fatalf("more than one JSON document on stdout")
	}
	for _, name := range strings.Split(args[0], ".") {
		switch v := value.(type) {
		case map[string]any:
			next, ok := v[name]
			if !ok {
				ts.Fatalf("%s: there is no %q", args[0], name)
			}
			value = next
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i >= len(v) {
				ts.Fatalf("%s: there is no %q in a list of %d", args[0], name, len(v))
			}
			value = v[i]
		default:
			ts.Fatalf("%s: nothing is below %q", args[0], name)
		}
	}
	if got := fmt.Sprint(value); got != args[1] {
		ts.Fatalf("%s is %s: want %s", args[0], got, args[1])
	}
}

func scriptMode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: mode OCTAL FILE…")
	}
	for _, file := range args[1:] {
		info, err := os.Stat(ts.MkAbs(file))
		ts.Check(err)
		if got := fmt.Sprintf("%04o", info.Mode().Perm()); got != args[0] {
			ts.Fatalf("%s has mode %s: want %s", file, got, args[0])
		}
	}
}

func scriptFlip(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: flip FILE OFFSET")
	}
	name := ts.MkAbs(args[0])
	b, err := os.ReadFile(name)
	ts.Check(err)
	offset, err := strconv.Atoi(args[1])
	ts.Check(err)
	if offset < 0 {
		offset += len(b)
	}
	if offset < 0 || offset >= len(b) {
		ts.Fatalf("%s has %d bytes: there is none at %s", args[0], len(b), args[1])
	}
	b[offset] ^= 1
	ts.Check(os.WriteFile(name, b, 0o600))
}

func scriptSeen(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: seen HOME VIEW N [CONDITION…]")
	}
	query := projections.Query{Limit: 1, Count: true}
	for _, text := range args[3:] {
		condition, err := projections.ParseCondition(text)
		ts.Check(err)
		query.Where = append(query.Where, condition)
	}
	want, err := strconv.ParseUint(args[2], 10, 64)
	ts.Check(err)
	authority, err := home.OpenAuthority(ts.MkAbs(args[0]))
	ts.Check(err)
	ctx := context.Background()
	store, err := viewstore.Open(ctx, authority)
	ts.Check(err)
	defer store.Close()
	var rows uint64
	for deadline := time.Now().Add(scriptTime); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		page, err := store.Rows(ctx, args[1], query)
		if errors.Is(err, os.ErrNotExist) {
			continue // they are being made
		}
		ts.Check(err)
		if rows = *page.Total; rows >= want {
			return
		}
	}
	ts.Fatalf("%s has %d rows: want %d", args[1], rows, want)
}

func scriptKeep(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: keep NAME")
	}
	lines := strings.Split(strings.TrimSpace(ts.ReadFile("stdout")), "\n")
	ts.Setenv(args[0], lines[len(lines)-1])
}

func scriptAnswers(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: answers SOCKET")
	}
	var err error
	for deadline := time.Now().Add(scriptTime); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		var conn net.Conn
		if conn, err = net.Dial("unix", ts.MkAbs(args[0])); err == nil {
			conn.Close()
			return
		}
	}
	ts.Fatalf("nothing answers at %s: %v", args[0], err)
}

func scriptEnter(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: enter PATTERN FILE")
	}
	for deadline := time.Now().Add(scriptTime); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		found, err := filepath.Glob(filepath.Join(ts.MkAbs(args[0]), args[1]))
		ts.Check(err)
		if len(found) == 1 {
			ts.Check(ts.Chdir(filepath.Dir(found[0])))
			return
		}
	}
	ts.Fatalf("no directory matches %s and has %s", args[0], args[1])
}

func scriptGone(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: gone HOME TEXT")
	}
	dir := ts.MkAbs(args[0])
	searched := 0
	ts.Check(filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return nil
		}
		searched++
		if bytes.Contains(text, []byte(args[1])) {
			name, _ := filepath.Rel(dir, path)
			ts.Fatalf("%s has %s", name, args[1])
		}
		return nil
	}))
	if searched == 0 {
		ts.Fatalf("there are no files in %s", args[0])
	}
}
