package main

import (
	"errors"
	mathrand "math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/saksi-ledger/saksi/events/publish"
)

// disk is a file system of its own, ext4 in a file, whose power can be cut: what no fsync
// has made durable is gone then, data and names alike.
type disk struct {
	t            *testing.T
	image, mount string
}

// newDisk makes one and mounts it. It takes root and a loop device.
func newDisk(t *testing.T) *disk {
	if testing.Short() {
		t.Skip("cuts power, which takes a while: not in -short")
	}
	if os.Geteuid() != 0 {
		t.Skip("cutting power takes a file system of its own, and root to mount it")
	}
	mkfs, err := exec.LookPath("mkfs.ext4")
	if err != nil {
		t.Skip("cutting power takes mkfs.ext4 (Debian has it in e2fsprogs)")
	}
	d := &disk{t: t, image: filepath.Join(t.TempDir(), "disk.img"), mount: filepath.Join(t.TempDir(), "mnt")}
	must(t, os.Mkdir(d.mount, 0o700))
	f, err := os.Create(d.image)
	must(t, err)
	must(t, errors.Join(f.Truncate(4<<30), f.Close()))
	if out, err := exec.Command(mkfs, "-q", "-F", d.image).CombinedOutput(); err != nil {
		t.Skipf("no file system could be made: %v\n%s", err, out)
	}
	// By itself ext4 would write everything every five seconds.
	if out, err := exec.Command("mount", "-o", "loop,commit=300", d.image, d.mount).CombinedOutput(); err != nil {
		t.Skipf("no file system of its own can be mounted here: %v\n%s", err, out)
	}
	t.Cleanup(func() { _ = exec.Command("umount", "-l", d.mount).Run() })
	return d
}

// cut stops the file system where it stands, without writing anything more: neither data
// nor what its journal holds in memory (EXT4_IOC_SHUTDOWN, "no log flush").
func (d *disk) cut() {
	d.t.Helper()
	const shutdown, noLogFlush = 0x8004587d, uint32(2)
	f, err := os.Open(d.mount)
	must(d.t, err)
	defer f.Close()
	flags := noLogFlush
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), shutdown, uintptr(unsafe.Pointer(&flags))); errno != 0 {
		d.t.Skipf("this kernel's ext4 can't be stopped like that: %v", errno)
	}
}

// on mounts it again, as after a start: the journal is replayed.
func (d *disk) on() {
	d.t.Helper()
	var out []byte
	var err error
	for range 1000 { // the killed process may still be letting go
		if out, err = exec.Command("umount", d.mount).CombinedOutput(); err == nil {
			break
		}
		pause(20 * time.Millisecond)
	}
	if err != nil {
		d.t.Fatalf("unmount: %v\n%s", err, out)
	}
	if out, err := exec.Command("mount", "-o", "loop,commit=300", d.image, d.mount).CombinedOutput(); err != nil {
		d.t.Fatalf("mount: %v\n%s", err, out)
	}
}

// The disk proves its worth first: what was fsynced is there after a cut, and what was not
// is gone.
func TestPowerCutIsOne(t *testing.T) {
	d := newDisk(t)
	kept, lost := filepath.Join(d.mount, "kept"), filepath.Join(d.mount, "lost")
	f, err := os.Create(kept)
	must(t, err)
	_, err = f.WriteString("fsynced")
	dir, openErr := os.Open(d.mount)
	must(t, errors.Join(err, f.Sync(), f.Close(), openErr))
	must(t, errors.Join(dir.Sync(), dir.Close(), os.WriteFile(lost, []byte("not fsynced"), 0o600)))
	d.cut()
	d.on()
	if text, err := os.ReadFile(kept); err != nil || string(text) != "fsynced" {
		t.Errorf("what was fsynced: %q, %v", text, err)
	}
	if text, err := os.ReadFile(lost); err == nil && len(text) > 0 {
		t.Errorf("what was not fsynced survived: %q: nothing is proven by cutting this disk's power", text)
	}
}

// The node's power is cut under load, at random moments. With a receipt nothing is lost;
// without one, the outbox resends.
func TestPowerCut(t *testing.T) {
	d := newDisk(t)
	w := newCrashWorldIn(t, filepath.Join(d.mount, "reg"), nil)
	seed := uint64(time.Now().UnixNano())
	random := mathrand.New(mathrand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	for round := range max(1, crashRounds()/2) {
		w.add(1200)
		flushed := make(chan error, 1)
		go func() {
			_, err := w.client.Flush(testContext(t, 5*time.Minute), w.outbox, publish.FlushOptions{})
			flushed <- err
		}()
		after := time.Duration(100+random.IntN(900)) * time.Millisecond
		pause(after)
		d.cut()
		w.kill()
		d.on()
		w.start()
		if err := <-flushed; err != nil {
			t.Fatalf("round %d, cut after %v: %v\n%s", round, after, err, w.nodeLog)
		}
		w.check()
		w.compareViews()
	}
	report := w.check()
	t.Logf("%d leaves, %d duplicates, %d epochs", report.Leaves, report.Duplicates, report.Epochs)
}
