// Verifies a log with Go's own note and tlog packages, which know nothing of herdbook.
//
//	outside_log VKEY < request.json > answer.json
//
// A request has a signed checkpoint to accept, entries with their proofs, earlier checkpoints with
// theirs, and notes of which each is only asked whether it opens.
package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"

	"outside/note"
	"outside/tlog"
)

type request struct {
	Checkpoint string
	Entries    []struct {
		Index int64
		Bytes string
		Proof []string
	}
	Earlier []struct {
		Checkpoint string
		Proof      []string
	}
	Notes []string
}

type answer struct {
	Size    int64
	Entries int
	Earlier int
	Opened  int
	Refused int
}

func fail(format string, values ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", values...)
	os.Exit(1)
}

func hashOf(text string) tlog.Hash {
	var hash tlog.Hash
	bytes, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(bytes) != len(hash) {
		fail("no hash: %q", text)
	}
	copy(hash[:], bytes)
	return hash
}

func hashes(texts []string) []tlog.Hash {
	var out []tlog.Hash
	for _, text := range texts {
		out = append(out, hashOf(text))
	}
	return out
}

func tree(text string, verifiers note.Verifiers) (int64, tlog.Hash) {
	opened, err := note.Open([]byte(text), verifiers)
	if err != nil {
		fail("the checkpoint does not open: %v\n%s", err, text)
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[3] != "" {
		fail("the checkpoint has not three lines: %q", opened.Text)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		fail("no size: %q", lines[1])
	}
	return size, hashOf(lines[2])
}

func main() {
	verifier, err := note.NewVerifier(os.Args[1])
	if err != nil {
		fail("the verifier key: %v", err)
	}
	verifiers := note.VerifierList(verifier)
	var asked request
	if err := json.NewDecoder(os.Stdin).Decode(&asked); err != nil {
		fail("the request: %v", err)
	}
	var said answer
	size, root := tree(asked.Checkpoint, verifiers)
	said.Size = size
	for _, entry := range asked.Entries {
		bytes, err := base64.StdEncoding.DecodeString(entry.Bytes)
		if err != nil {
			fail("entry %d: %v", entry.Index, err)
		}
		leaf := tlog.RecordHash(bytes)
		if err := tlog.CheckRecord(hashes(entry.Proof), size, root, entry.Index, leaf); err != nil {
			fail("entry %d: %v", entry.Index, err)
		}
		bytes = append(bytes, ' ')
		if tlog.CheckRecord(hashes(entry.Proof), size, root, entry.Index, tlog.RecordHash(bytes)) == nil {
			fail("entry %d is proven with other bytes too", entry.Index)
		}
		said.Entries++
	}
	for _, earlier := range asked.Earlier {
		oldSize, oldRoot := tree(earlier.Checkpoint, verifiers)
		if err := tlog.CheckTree(hashes(earlier.Proof), size, root, oldSize, oldRoot); err != nil {
			fail("from %d to %d: %v", oldSize, size, err)
		}
		said.Earlier++
	}
	for _, text := range asked.Notes {
		bytes, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			fail("a note: %v", err)
		}
		if _, err := note.Open(bytes, verifiers); err == nil {
			said.Opened++
		} else {
			said.Refused++
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(said); err != nil {
		fail("%v", err)
	}
}
