// Many paced event streams at once: the server that sends them and the client that reads them.
//
//	events serve CERTIFICATE KEY h1|h2
//
// prints its port and runs until it is killed or its parent ends. It answers /warm at once, and anything else with
// events of about the size of a delta of a chat completion, the first with the head: ?events=COUNT&interval=DURATION.
//
//	events load -root FILE -host NAME -port PORT [-proxy PORT] [-protocol h1|h2] ...
//
// opens its connections and says "connected", begins its streams evenly over the time of -ramp and says "open" when
// every one has had its first event, and prints what it found as one line of JSON when all have ended. It uses the
// standard library only: go build events.go
package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// About what a delta of a chat completion has besides its text.
var padding = strings.Repeat("z", 180)

func main() {
	log.SetFlags(0)
	log.SetPrefix("events: ")
	const setParentDeathSignal = 1
	syscall.RawSyscall(syscall.SYS_PRCTL, setParentDeathSignal, uintptr(syscall.SIGKILL), 0)
	switch {
	case len(os.Args) == 5 && os.Args[1] == "serve":
		serve(os.Args[2], os.Args[3], os.Args[4])
	case len(os.Args) > 2 && os.Args[1] == "load":
		load(os.Args[2:])
	default:
		log.Fatal("usage: events serve CERTIFICATE KEY h1|h2 | events load OPTION...")
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// The protocols that ALPN offers: with h1 no HTTP/2, else what the library does by itself.
func withoutHTTP2(protocol string) bool {
	if protocol != "h1" && protocol != "h2" {
		log.Fatalf("no such protocol: %s", protocol)
	}
	return protocol == "h1"
}

func serve(certificate, key, protocol string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	server := &http.Server{Handler: http.HandlerFunc(answer), ErrorLog: log.New(io.Discard, "", 0)}
	if withoutHTTP2(protocol) {
		server.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){}
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	check(server.ServeTLS(listener, certificate, key))
}

func answer(writer http.ResponseWriter, request *http.Request) {
	io.Copy(io.Discard, request.Body)
	if request.URL.Path == "/warm" {
		writer.WriteHeader(http.StatusNoContent)
		return
	}
	count, err := strconv.Atoi(request.URL.Query().Get("events"))
	interval, wrong := time.ParseDuration(request.URL.Query().Get("interval"))
	if err != nil || wrong != nil || interval <= 0 {
		http.Error(writer, "?events=COUNT&interval=DURATION", http.StatusBadRequest)
		return
	}
	writer.Header().Set("content-type", "text/event-stream")
	writer.Header().Set("cache-control", "no-cache")
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for number := 0; number < count; number++ {
		if number > 0 {
			select {
			case <-ticker.C:
			case <-request.Context().Done():
				return
			}
		}
		fmt.Fprintf(writer, "data: {\"sent\":%d,\"delta\":\"%s\"}\n\n", time.Now().UnixNano(), padding)
		writer.(http.Flusher).Flush()
	}
}

// What one stream came to.
type outcome struct {
	firstByte time.Duration
	delays    []time.Duration
}

func load(words []string) {
	options := flag.NewFlagSet("load", flag.ExitOnError)
	root := options.String("root", "", "the certificates to trust, PEM")
	host := options.String("host", "", "the server's name")
	port := options.Int("port", 0, "the server's port of 127.0.0.1")
	proxy := options.Int("proxy", 0, "the proxy's port of 127.0.0.1; 0: none")
	protocol := options.String("protocol", "h2", "h1 or h2")
	streams := options.Int("streams", 100, "streams at once")
	each := options.Int("each", 100, "streams on one connection, with h2")
	events := options.Int("events", 10, "events of each stream")
	interval := options.Duration("interval", time.Second, "between two events")
	ramp := options.Duration("ramp", time.Second, "within which the streams begin")
	check(options.Parse(words))

	pem, err := os.ReadFile(*root)
	check(err)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	if *protocol == "h1" {
		*each = 1
	}
	clients := make([]*http.Client, (*streams+*each-1) / *each)
	for index := range clients {
		transport := &http.Transport{
			TLSClientConfig:    &tls.Config{RootCAs: pool},
			ForceAttemptHTTP2:  true,
			DisableCompression: true,
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				if *proxy == 0 {
					address = fmt.Sprintf("127.0.0.1:%d", *port)
				}
				return (&net.Dialer{}).DialContext(ctx, network, address)
			},
		}
		if withoutHTTP2(*protocol) {
			transport.ForceAttemptHTTP2 = false
			transport.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
		}
		if *proxy != 0 {
			transport.Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: fmt.Sprintf("127.0.0.1:%d", *proxy)})
		}
		clients[index] = &http.Client{Transport: transport}
	}
	connect(clients, "https://"+*host+"/warm", map[string]int{"h1": 1, "h2": 2}[*protocol])
	fmt.Println("connected")

	address := fmt.Sprintf("https://%s/v1/chat/completions?events=%d&interval=%v", *host, *events, *interval)
	found := make([]outcome, *streams)
	var begun, ended sync.WaitGroup
	begin := time.Now()
	for index := range found {
		begun.Add(1)
		ended.Add(1)
		time.Sleep(time.Until(begin.Add(*ramp * time.Duration(index) / time.Duration(*streams))))
		go func(index int) {
			defer ended.Done()
			found[index] = read(clients[index / *each], address, &begun)
			if len(found[index].delays) != *events {
				log.Fatalf("a stream had %d events", len(found[index].delays))
			}
		}(index)
	}
	begun.Wait()
	fmt.Println("open")
	ended.Wait()
	var result struct {
		FirstByte []float64 `json:"first_byte"`
		Delay     []float64 `json:"delay"`
	}
	for _, stream := range found {
		result.FirstByte = append(result.FirstByte, microseconds(stream.firstByte))
		for _, delay := range stream.delays {
			result.Delay = append(result.Delay, microseconds(delay))
		}
	}
	check(json.NewEncoder(os.Stdout).Encode(result))
}

func microseconds(span time.Duration) float64 { return float64(span.Nanoseconds()) / 1000 }

// Opens the connection of every client, a few at a time, so that no handshake is in the times that are measured.
func connect(clients []*http.Client, address string, version int) {
	var all sync.WaitGroup
	slots := make(chan struct{}, 8)
	for _, client := range clients {
		all.Add(1)
		slots <- struct{}{}
		go func(client *http.Client) {
			defer all.Done()
			response, err := client.Get(address)
			check(err)
			io.Copy(io.Discard, response.Body)
			response.Body.Close()
			if response.StatusCode != http.StatusNoContent || response.ProtoMajor != version {
				log.Fatalf("answered %s by %s", response.Status, response.Proto)
			}
			<-slots
		}(client)
	}
	all.Wait()
}

var prompt = []byte(`{"model":"gpt-5-mini","stream":true,"messages":[{"role":"user","content":"` +
	strings.Repeat("x", 1900) + `"}]}`)

// Reads one stream to its end.
func read(client *http.Client, address string, begun *sync.WaitGroup) outcome {
	request, err := http.NewRequest("POST", address, bytes.NewReader(prompt))
	check(err)
	request.Header.Set("content-type", "application/json")
	request.Header.Set("authorization", "Bearer "+strings.Repeat("k", 60))
	begin := time.Now()
	response, err := client.Do(request)
	check(err)
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		log.Fatalf("answered %s", response.Status)
	}
	reader := bufio.NewReaderSize(response.Body, 512)
	_, err = reader.Peek(1)
	check(err)
	found := outcome{firstByte: time.Since(begin)}
	begun.Done()
	for {
		line, err := reader.ReadSlice('\n')
		if err == io.EOF {
			return found
		}
		check(err)
		if rest := bytes.TrimPrefix(line, []byte(`data: {"sent":`)); len(rest) < len(line) {
			sent, err := strconv.ParseInt(string(rest[:bytes.IndexByte(rest, ',')]), 10, 64)
			check(err)
			found.delays = append(found.delays, time.Since(time.Unix(0, sent)))
		}
	}
}
