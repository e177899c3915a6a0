// Twenty streams on one HTTP/2 connection of Go's net/http, of which one is given up once each has begun.
// Arguments: FILE "name: value"… Output as node_http2.js in its mode "many".
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
)

const count, givenUp = 20, 7

var (
	lock   sync.Mutex
	texts  = map[string]string{}
	errs   = map[string]string{}
	began  sync.WaitGroup
	goOn   = make(chan bool)
	leave  context.CancelFunc
	client = &http.Client{}
)

func ask(number int, body []byte, fields []string) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if number == givenUp {
		leave = cancel
	}
	request, _ := http.NewRequestWithContext(ctx, "POST", "https://api.openai.com/v1/chat/completions", bytes.NewReader(body))
	request.Header.Set("Content-Type", "application/json")
	for _, field := range fields {
		name, value, _ := strings.Cut(field, ":")
		value = strings.TrimSpace(value)
		if strings.EqualFold(name, "x-test-id") {
			value = fmt.Sprintf("%s-%d", value, number)
		}
		request.Header.Set(name, value)
	}
	answer, err := client.Do(request)
	if err != nil {
		began.Done()
		return err
	}
	first := make([]byte, 1)
	_, err = io.ReadFull(answer.Body, first)
	began.Done()
	if err != nil {
		return err
	}
	<-goOn
	rest, err := io.ReadAll(answer.Body)
	if err == nil && answer.ProtoMajor != 2 {
		err = fmt.Errorf("HTTP/%d", answer.ProtoMajor)
	}
	if err == nil {
		lock.Lock()
		texts[fmt.Sprint(number)] = string(first) + string(rest)
		lock.Unlock()
	}
	return err
}

func main() {
	body, _ := os.ReadFile(os.Args[1])
	var all sync.WaitGroup
	began.Add(count)
	all.Add(count)
	for number := 0; number < count; number++ {
		go func(number int) {
			defer all.Done()
			if err := ask(number, body, os.Args[2:]); err != nil {
				lock.Lock()
				errs[fmt.Sprint(number)] = err.Error()
				lock.Unlock()
			}
		}(number)
	}
	began.Wait()
	leave()
	fmt.Println("first")
	close(goOn)
	all.Wait()
	line, _ := json.Marshal(map[string]any{"texts": texts, "errors": errs})
	fmt.Println(string(line))
}
