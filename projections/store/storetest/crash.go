package storetest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/saksi-ledger/saksi/projections/store"
)

const (
	crashPlace = "SAKSI_TEST_STORE" // set in the process that is killed
	crashBuild = "SAKSI_TEST_STORE_BUILD"

	crashLeaves = 4 // of a batch
)

// crashLeavesOf is what the leaves of batch i do: rows begin, change and end.
func crashLeavesOf(i int) [][]put {
	var leaves [][]put
	for leaf := i * crashLeaves; leaf < (i+1)*crashLeaves; leaf++ {
		puts := []put{
			{things, fmt.Sprint("new ", leaf), thing("lab-1", int64(leaf), 0.5, monday, []string{"gpu"}, "MY")},
			{things, keyTexts[leaf%len(keyTexts)], thing("lab-2", int64(-leaf), 1, late, nil, "SG")},
			{plain, "one", []any{fmt.Sprint(leaf)}},
		}
		if leaf%3 == 2 {
			puts[2].values = nil
		}
		leaves = append(leaves, puts)
	}
	return leaves
}

func crashBatch(m *model, i int) (*store.Batch, *model) {
	return m.commit(crashLeavesOf(i), [][]store.Value{{{Key: "k1", JSON: fmt.Append(nil, i)}}, nil}, []store.Timer{{View: "v", Key: "k1", Due: monday.AddDate(0, 0, i)}})
}

// crashChild commits batches until it is killed, and says each that it has committed.
func crashChild(t *testing.T, b store.Backend) {
	var w store.Writer
	var err error
	if os.Getenv(crashBuild) != "" {
		w, err = b.Build(t.Context(), layout())
	} else {
		var holder store.Holder
		holder, err = b.Acquire(t.Context(), layout())
		must(t, err)
		w, err = holder.Open(t.Context())
	}
	must(t, err)
	p, err := w.Position(t.Context())
	must(t, err)
	m := newModel()
	for i := 0; ; i++ {
		var batch *store.Batch
		batch, m = crashBatch(m, i)
		if m.size() <= p.Size {
			continue
		}
		must(t, w.Commit(t.Context(), batch))
		fmt.Println("committed", i)
	}
}

// testCrash kills a process that writes. What it said to be committed is there, and of
// what it was committing all or nothing: both come about, as the kill falls.
func testCrash(t *testing.T, h Harness) {
	if h.Open == nil {
		t.Skip("nothing of it outlives the process")
	}
	b := h.New(t)
	models := []*model{newModel()} // by batches
	said := -1
	for round := range 4 {
		said = killed(t, b, said+3+rand.IntN(12))
		o := open(t, h.Open(b.String()))
		p, err := o.writer.Position(t.Context())
		must(t, err)
		n := int(p.Size / crashLeaves)
		if n < said+1 || n > said+2 || p.Size%crashLeaves != 0 {
			t.Fatalf("round %d: the process committed batch %d, and there are %d leaves", round, said, p.Size)
		}
		for len(models) <= n {
			_, next := crashBatch(models[len(models)-1], len(models)-1)
			models = append(models, next)
		}
		m := models[n]
		comparePresent(t, o.writer, m)
		o.read(t, func(s store.Snapshot) {
			for size := range m.size() + 1 {
				for table := range m.changes {
					rows, err := s.Count(t.Context(), &store.Filter{Table: table, AsOf: size})
					must(t, err)
					if want := len(m.after[size][table]); rows != uint64(want) {
						t.Fatalf("round %d: as of %d leaves table %d has %d rows, want %d", round, size, table, rows, want)
					}
				}
			}
		})
		// The next process goes on from what is there.
		said = n - 1
		must(t, o.close())
	}

	// One that is killed while it builds leaves the live generation, and the next build.
	t.Setenv(crashBuild, "1")
	killed(t, b, 5)
	again := h.Open(b.String())
	build, err := again.Build(t.Context(), layout())
	must(t, err)
	comparePresent(t, build, newModel())
	must(t, build.Close())
	if waits, err := again.Waiting(t.Context()); err != nil || waits {
		t.Errorf("half a generation waits: %v, %v", waits, err)
	}
	o := open(t, again)
	comparePresent(t, o.writer, models[said+1])
}

// killed runs the process until it has committed a batch, kills it, and returns the last
// that it said to have committed.
func killed(t *testing.T, b store.Backend, until int) int {
	t.Helper()
	root, _, _ := strings.Cut(t.Name(), "/")
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+root+"$")
	child.Env = append(os.Environ(), crashPlace+"="+b.String())
	out, err := child.StdoutPipe()
	must(t, err)
	must(t, child.Start())
	last := -1
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			if !errors.Is(err, io.EOF) {
				t.Fatal(err)
			}
			break
		}
		n, err := fmt.Sscanf(line, "committed %d", &last)
		if err != nil || n != 1 {
			t.Errorf("the process that was to be killed said %q", line)
		}
		if last == until {
			must(t, child.Process.Kill())
		}
	}
	if err := child.Wait(); err == nil || last < until {
		t.Fatalf("the process ended after batch %d, before it was killed: %v", last, err)
	}
	return last
}
