// Check verifies an exported exchange log with code that Accord's authors did not write: signed
// notes by golang.org/x/mod/sumdb/note, the tree and its tiles by golang.org/x/mod/sumdb/tlog.
//
//	check DIR VKEYFILE [HELD]
//
// DIR is a folder of static tiles (C2SP tlog-tiles), VKEYFILE holds the log's key, which DIR never
// does, and HELD a checkpoint that somebody kept. Payloads are not its business.
package main

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height, width = 8, 256

func main() {
	if len(os.Args) != 3 && len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: check DIR VKEYFILE [HELD]")
		os.Exit(1)
	}
	size, err := check(os.Args[1], os.Args[2], append(os.Args[3:], "")[0])
	if err != nil {
		fmt.Fprintln(os.Stderr, "check:", err)
		os.Exit(1)
	}
	fmt.Printf("%d entries\n", size)
}

func check(dir, vkeyFile, heldFile string) (int64, error) {
	vkey, err := os.ReadFile(vkeyFile)
	if err != nil {
		return 0, err
	}
	verifier, err := note.NewVerifier(strings.TrimSpace(string(vkey)))
	if err != nil {
		return 0, err
	}
	tree, err := checkpoint(filepath.Join(dir, "checkpoint"), verifier)
	if err != nil {
		return 0, err
	}
	tiles := tlog.TileHashReader(tree, &folder{dir: dir, seen: map[tlog.Tile][]byte{}})
	if err := entries(dir, tree, tiles); err != nil {
		return 0, err
	}
	if heldFile == "" {
		return tree.N, nil
	}
	held, err := checkpoint(heldFile, verifier)
	if err != nil {
		return 0, fmt.Errorf("held: %w", err)
	}
	return tree.N, grown(held, tree, tiles)
}

// checkpoint opens a signed note of exactly three lines: origin, size, root, each in its one spelling.
func checkpoint(path string, verifier note.Verifier) (tlog.Tree, error) {
	message, err := os.ReadFile(path)
	if err != nil {
		return tlog.Tree{}, err
	}
	opened, err := note.Open(message, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[3] != "" || lines[0] != verifier.Name() {
		return tlog.Tree{}, errors.New("checkpoint: not the three lines of this origin")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 1 || strconv.FormatInt(size, 10) != lines[1] {
		return tlog.Tree{}, errors.New("checkpoint: size is not canonical")
	}
	root, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	if err != nil || len(root) != tlog.HashSize {
		return tlog.Tree{}, errors.New("checkpoint: root is not 32 bytes")
	}
	tree := tlog.Tree{N: size}
	copy(tree.Hash[:], root)
	return tree, nil
}

// entries reads every bundle, compares each entry with its authenticated leaf hash, recomputes the
// root from the entries alone, and proves the first, the middle and the last of them.
func entries(dir string, tree tlog.Tree, tiles tlog.HashReader) error {
	var leaves []tlog.Hash // of this bundle, as the entries come to
	var stack []tlog.Hash  // complete subtrees from the left, as the entries come to
	for first := int64(0); first < tree.N; first += width {
		count := min64(width, tree.N-first)
		var err error
		if leaves, err = bundle(dir, first/width, int(count)); err != nil {
			return err
		}
		indexes := make([]int64, count)
		for i := range indexes {
			indexes[i] = tlog.StoredHashIndex(0, first+int64(i))
		}
		signed, err := tiles.ReadHashes(indexes)
		if err != nil {
			return err
		}
		for i, leaf := range leaves {
			n := first + int64(i)
			if leaf != signed[i] {
				return fmt.Errorf("entry %d is not the one that was signed", n)
			}
			if n == 0 || n == tree.N/2 || n == tree.N-1 {
				if err := proved(tree, tiles, n, leaf); err != nil {
					return err
				}
			}
			for level := 1; n&1 == 1; n, level = n>>1, level+1 {
				leaf = tlog.NodeHash(stack[len(stack)-1], leaf)
				stack = stack[:len(stack)-1]
				if level%height != 0 {
					continue
				}
				// Not left to TileHashReader: before x/mod 0.40 it believed some tiles (CVE-2026-56865).
				if above, err := tiles.ReadHashes([]int64{tlog.StoredHashIndex(level, n>>1)}); err != nil {
					return err
				} else if above[0] != leaf {
					return fmt.Errorf("level %d does not hold what lies below it", level/height)
				}
			}
			stack = append(stack, leaf)
		}
	}
	root := stack[len(stack)-1]
	for i := len(stack) - 2; i >= 0; i-- {
		root = tlog.NodeHash(stack[i], root)
	}
	if root != tree.Hash {
		return errors.New("the entries do not come to the signed root")
	}
	return nil
}

// bundle returns the record hash of each of exactly `count` entries.
func bundle(dir string, index int64, count int) ([]tlog.Hash, error) {
	tile := tlog.Tile{H: height, L: -1, N: index, W: count}
	data, err := os.ReadFile(filepath.Join(dir, path(tile)))
	if err != nil {
		return nil, err
	}
	hashes := make([]tlog.Hash, 0, count)
	for ; len(hashes) < count; data = data[2+int(binary.BigEndian.Uint16(data)):] {
		if len(data) < 2 || len(data) < 2+int(binary.BigEndian.Uint16(data)) {
			return nil, fmt.Errorf("%s is truncated", path(tile))
		}
		hashes = append(hashes, tlog.RecordHash(data[2:2+int(binary.BigEndian.Uint16(data))]))
	}
	if len(data) != 0 {
		return nil, fmt.Errorf("%s goes on after its last entry", path(tile))
	}
	return hashes, nil
}

func proved(tree tlog.Tree, tiles tlog.HashReader, n int64, leaf tlog.Hash) error {
	proof, err := tlog.ProveRecord(tree.N, n, tiles)
	if err != nil {
		return err
	}
	return tlog.CheckRecord(proof, tree.N, tree.Hash, n, leaf)
}

// grown says whether the served tree is the held one, gone on.
func grown(held, served tlog.Tree, tiles tlog.HashReader) error {
	if held.N > served.N {
		return fmt.Errorf("rollback: the held checkpoint has %d entries, the log %d", held.N, served.N)
	}
	proof, err := tlog.ProveTree(served.N, held.N, tiles)
	if err != nil {
		return err
	}
	if err := tlog.CheckTree(proof, served.N, served.Hash, held.N, held.Hash); err != nil {
		return fmt.Errorf("fork: %w", err)
	}
	return nil
}

// folder gives tlog the tiles of a folder, each read once; tlog authenticates them.
type folder struct {
	dir  string
	seen map[tlog.Tile][]byte
}

func (f *folder) Height() int { return height }

func (f *folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	found := make([][]byte, len(tiles))
	for i, tile := range tiles {
		data, ok := f.seen[tile]
		if !ok {
			var err error
			if data, err = os.ReadFile(filepath.Join(f.dir, path(tile))); err != nil {
				return nil, err
			}
		}
		found[i] = data
	}
	return found, nil
}

// SaveTiles keeps what was authenticated, but for full leaf tiles: each of them is asked for once.
func (f *folder) SaveTiles(tiles []tlog.Tile, data [][]byte) {
	for i, tile := range tiles {
		if tile.L > 0 || tile.W < width {
			f.seen[tile] = data[i]
		}
	}
}

// path spells a tile as tlog-tiles does: without the height, and `entries` for `data`.
func path(tile tlog.Tile) string {
	spelled := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
	return filepath.FromSlash(strings.Replace(spelled, "tile/data/", "tile/entries/", 1))
}

func min64(a, b int64) int64 {
	if a < b {
		return a
	}
	return b
}
