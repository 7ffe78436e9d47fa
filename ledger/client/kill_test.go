package client

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/slowtest"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

// childEnv holds, in a process that the kill test starts from this binary, what
// it is to do.
const childEnv = "SAKSI_PUBLISH_TEST_CHILD"

type childTask struct {
	NATS, HTTP, Key, Party, Outbox string
	Recorders                      []string
	Events                         int
}

// child adds and publishes until it is done or killed.
func child() {
	fail := func(err error) {
		fmt.Fprintln(os.Stderr, "child:", err)
		os.Exit(1)
	}
	var task childTask
	if err := json.Unmarshal([]byte(os.Getenv(childEnv)), &task); err != nil {
		fail(err)
	}
	log, err := formats.NewLog(task.Key)
	if err != nil {
		fail(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), testTime)
	defer cancel()
	o, err := Open(ctx, task.Outbox, Options{MaxEvents: 5})
	if err != nil {
		fail(err)
	}
	c, err := Dial(ctx, Config{NATSURL: task.NATS, HTTP: task.HTTP, Log: log, Party: task.Party, Window: 16, Poll: 100 * time.Millisecond})
	if err != nil {
		fail(err)
	}
	signer, err := events.NewSigner(ed25519.NewKeyFromSeed(testSeed))
	if err != nil {
		fail(err)
	}
	added := make(chan error, 1)
	go func() {
		t := &testing.T{}
		for from := 0; from < task.Events; from += 40 {
			for _, name := range task.Recorders {
				r, _ := events.ParseRecorder(name)
				if _, err := o.Add(ctx, r, drafts(t, r, "e", from, min(40, task.Events-from)), signer); err != nil {
					added <- err
					return
				}
			}
		}
		added <- nil
	}()
	run, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() {
		_, err := c.Run(run, o, FlushOptions{})
		ended <- err
	}()
	if err := <-added; err != nil {
		fail(err)
	}
	stop()
	<-ended
	if _, err := c.Flush(ctx, o, FlushOptions{}); err != nil {
		fail(err)
	}
	if err := o.Close(); err != nil {
		fail(err)
	}
}

func TestKilledAtAnyMoment(t *testing.T) {
	slowtest.Skip(t, "kills the publisher in a loop")
	w := newWorld(t)
	task := childTask{
		NATS: w.broker.url(), HTTP: w.ledger.http.URL, Key: w.ledger.vkey, Party: w.recorder.Party(),
		Outbox: filepath.Join(t.TempDir(), "outbox.db"), Events: 6000,
		Recorders: []string{w.recorder.String(), "nimbus-my/lab-1/badge-1"},
	}
	b, err := json.Marshal(task)
	if err != nil {
		t.Fatal(err)
	}
	const kills = 12
	killed := 0
	for round := 0; ; round++ {
		ctx, cancel := context.WithTimeout(context.Background(), testTime)
		cmd := exec.CommandContext(ctx, os.Args[0])
		cmd.Env = append(os.Environ(), childEnv+"="+string(b))
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if round < kills {
			// From within the start to some way into the work.
			after := 20*time.Millisecond + rand.N(250*time.Millisecond)
			time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
		}
		err := cmd.Wait()
		cancel()
		if err == nil {
			break
		}
		if cmd.ProcessState.ExitCode() != -1 || round >= kills {
			t.Fatalf("child: %v", err)
		}
		killed++
	}
	t.Logf("killed %d times", killed)
	for _, name := range task.Recorders {
		w.checkLedger(mustRecorder(t, name), task.Events)
	}
	o := openOutbox(t, task.Outbox, Options{})
	s := status(t, o)
	total := 0
	for _, r := range s.Recorders {
		if r.Pending.Envelopes != 0 || r.Receipts.Events != int64(task.Events) || r.Next != uint64(task.Events)+1 || r.Disclosures != task.Events {
			t.Errorf("outbox has %+v", r)
		}
		total += r.Receipts.Envelopes
	}
	w.checkReceipts(o, total)
}
