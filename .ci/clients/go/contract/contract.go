// Package contract is what the Go clients share: records in, lines out. See ../../README.md.
package contract

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"os"
	"strconv"
	"strings"
	"time"
)

type Header struct {
	Name  string
	Value []byte
}

type Record struct {
	Key, Value []byte
	Headers    []Header
}

type At struct {
	Topic     string
	Partition int32
	Third     string
}

type Client interface {
	Write(address string, records []Record, at At) error
	Read(address string, count int, at At, offset int64, show func(offset int64, key, value []byte, headers []Header)) error
	Admin(address, topic string) error
}

// text keeps null (nil) apart from empty.
func text(s *string) []byte {
	if s == nil {
		return nil
	}
	return append([]byte{}, *s...)
}

func records(path string) ([]Record, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var all []Record
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var r struct {
			Key, Value *string
			ValueSize  *int `json:"value_size"`
			Headers    [][2]*string
		}
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return nil, err
		}
		value := text(r.Value)
		if r.ValueSize != nil {
			value = make([]byte, *r.ValueSize)
			for i := range value {
				value[i] = byte(i*131 + i/251 + *r.ValueSize)
			}
		}
		var headers []Header
		for _, h := range r.Headers {
			headers = append(headers, Header{*h[0], text(h[1])})
		}
		all = append(all, Record{text(r.Key), value, headers})
	}
	return all, lines.Err()
}

func field(b []byte) string {
	if b == nil {
		return "-"
	}
	return "x" + hex.EncodeToString(b)
}

func show(offset int64, key, value []byte, headers []Header) {
	hash := "-"
	if value != nil {
		hash = fmt.Sprintf("%d:%08x", len(value), crc32.ChecksumIEEE(value))
	}
	said := "-"
	if len(headers) > 0 {
		var all []string
		for _, h := range headers {
			all = append(all, h.Name+"="+field(h.Value))
		}
		said = strings.Join(all, ",")
	}
	fmt.Println(offset, field(key), hash, said)
}

func split(spec string) (At, error) {
	parts := strings.Split(spec, ":")
	if len(parts) != 3 {
		return At{}, fmt.Errorf("%q is not TOPIC:PARTITION:...", spec)
	}
	partition, err := strconv.Atoi(parts[1])
	return At{parts[0], int32(partition), parts[2]}, err
}

// Eventually waits until a condition holds.
func Eventually(what string, condition func() (bool, error)) error {
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if ok, err := condition(); err != nil || ok {
			return err
		}
		if time.Now().After(end) {
			return fmt.Errorf("not in time: %s", what)
		}
	}
}

func Main(client Client) {
	if err := run(client, os.Args[1], os.Args[2], os.Args[3:]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(client Client, address, command string, args []string) error {
	switch command {
	case "write":
		all, err := records(args[0])
		if err != nil {
			return err
		}
		for _, spec := range args[1:] {
			at, err := split(spec)
			if err == nil {
				err = client.Write(address, all, at)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", spec, err)
			}
		}
	case "read":
		count, err := strconv.Atoi(args[0])
		if err != nil {
			return err
		}
		for _, spec := range args[1:] {
			at, err := split(spec)
			if err != nil {
				return err
			}
			offset, err := strconv.ParseInt(at.Third, 10, 64)
			if err == nil {
				err = client.Read(address, count, at, offset, show)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", spec, err)
			}
		}
		return nil
	case "admin":
		if err := client.Admin(address, args[0]); err != nil {
			return err
		}
	default:
		return fmt.Errorf("unknown command %s", command)
	}
	fmt.Println("ok")
	return nil
}
