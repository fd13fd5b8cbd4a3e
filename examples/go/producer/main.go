package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"time"
)

type event struct {
	ID   string `json:"id"`
	Type string `json:"type"`
	Data any    `json:"data"`
}

var client = http.Client{Timeout: 30 * time.Second}

func post(body []byte) (status int, answer []byte, err error) {
	request, err := http.NewRequest(http.MethodPost, os.Getenv("POSTHORN_URL")+"/v1/events", bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Authorization", "Bearer "+os.Getenv("POSTHORN_KEY"))
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	answer, err = io.ReadAll(response.Body)
	return response.StatusCode, answer, err
}

func send(e event) (string, error) {
	body, err := json.Marshal(e)
	if err != nil {
		return "", err
	}
	for tries := 1; ; tries++ {
		status, answer, err := post(body)
		switch {
		case err == nil && status == http.StatusAccepted:
			return string(answer), nil
		case err == nil && status < 500 && status != http.StatusTooManyRequests:
			return "", fmt.Errorf("refused: %s", answer)
		case tries == 6: // no answer: it may have been taken, and its id counts once
			return "", fmt.Errorf("not taken: %d %s %v", status, answer, err)
		}
		time.Sleep(time.Second << (tries - 1))
	}
}

func main() {
	order := 4741
	id := fmt.Sprintf("order-%d.shipped", order)
	answer, err := send(event{id, "order.shipped", map[string]int{"order": order}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(answer)
}
