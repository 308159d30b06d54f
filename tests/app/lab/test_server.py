import json
import socket
import threading
import time
import urllib.error
import urllib.request
from contextlib import ExitStack

import pytest
import uvicorn
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from neuraxis.app.lab import server
from neuraxis.errors import InputError
from tests.app.lab.test_wire import decode


@pytest.fixture
def port(counter, monkeypatch):
    def load(name):
        if name != "counter":
            raise InputError(f"unknown lab page {name!r}; did you mean 'counter'?")
        return counter

    monkeypatch.setattr(server.page, "load", load)
    monkeypatch.setattr(server.page, "check", load)
    listener, chosen = server.listen(8700)
    serving = uvicorn.Server(server.settings())
    thread = threading.Thread(target=serving.run, kwargs={"sockets": [listener]})
    thread.start()
    yield chosen
    serving.should_exit = True
    thread.join(30)
    listener.close()


def get(port, path, **headers):
    """Return the status and the body."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
    for _ in range(100):
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except urllib.error.URLError:  # not listening yet
            time.sleep(0.05)
    raise AssertionError("no answer")


def live(port, origin=None, path="/live/counter"):
    return connect(f"ws://127.0.0.1:{port}{path}", origin=Origin(origin or f"http://127.0.0.1:{port}"), max_size=None)


def threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("lab page")]


def wait_for(holds):
    for _ in range(200):
        if holds():
            return
        time.sleep(0.05)
    raise AssertionError("waited in vain")


def test_pages_scripts_and_descriptions(port):
    assert get(port, "/")[0] == 200
    status, body = get(port, "/counter")
    assert status == 200
    assert "/static/page.js" in body
    assert get(port, "/static/page.js")[0] == 200
    assert get(port, "/static/../server.py")[0] == 404
    status, body = get(port, "/api/pages/counter?stride=x")
    about = json.loads(body)
    assert about["title"] == "A counter"
    assert about["ignored"] == ["Stride must be a number, but is 'x'"]
    names = [page["name"] for chapter in json.loads(get(port, "/api/pages")[1]) for page in chapter["pages"]]
    assert "hodgkin-huxley" in names


def test_an_unknown_page_is_answered_with_the_nearest(port):
    for path in ("/counte", "/api/pages/counte"):
        assert get(port, path) == (404, "unknown lab page 'counte'; did you mean 'counter'?\n")


def test_the_static_files_ask_for_nothing_from_elsewhere():
    for path in server.STATIC.iterdir():
        text = path.read_text(encoding="utf-8").replace('xmlns="http://www.w3.org/2000/svg"', "")
        assert "http:" not in text, path.name
        assert "https:" not in text, path.name


def test_only_this_machine_and_this_page_are_answered(port):
    assert get(port, "/", Host="evil.example")[0] == 400
    with pytest.raises(InvalidStatus), live(port, origin="http://evil.example"):
        pass
    with pytest.raises(InvalidStatus), live(port, path="/live/unknown"):
        pass
    assert not threads()


def test_ten_tabs_run_apart_and_leave_nothing(port):
    get(port, "/")
    with ExitStack() as stack:
        tabs = [stack.enter_context(live(port, path=f"/live/counter?stride={k}")) for k in range(10)]
        for k, tab in enumerate(tabs):
            strides = set()
            for _ in range(4):
                message = decode(tab.recv(timeout=30))
                if "controls" in message:
                    strides.add(message["controls"]["stride"])
                    tab.send(json.dumps({"painted": message["step"]}))
            assert strides == {str(k)}
        assert len(threads()) == 10
        for tab in tabs[:5]:
            tab.close()
        for tab in tabs[5:]:  # killed
            tab.socket.shutdown(socket.SHUT_RDWR)
        wait_for(lambda: not threads())


@pytest.mark.parametrize("message", ["{", json.dumps({"set": {"fault": "x" * (2 << 20)}})])
def test_what_is_no_message_ends_the_tab_alone(port, message):
    get(port, "/")
    with pytest.raises(ConnectionClosed), live(port) as tab:
        tab.send(message)
        while True:
            tab.recv(timeout=30)
    wait_for(lambda: not threads())
    assert get(port, "/counter")[0] == 200


def test_a_port_in_use_is_passed_over():
    first, taken = server.listen(8750)
    second, chosen = server.listen(taken)
    assert chosen > taken
    first.close()
    second.close()


def test_no_port_left_is_said(monkeypatch):
    class Refused(socket.socket):
        def bind(self, address):
            raise OSError("in use")

    monkeypatch.setattr(server.socket, "socket", Refused)
    with pytest.raises(InputError, match=r"no port from 65530 to 65535 is free; choose another with --port"):
        server.listen(65530)


def test_a_machine_without_a_browser_is_told_the_address(monkeypatch):
    said = []
    monkeypatch.setattr(server.webbrowser, "open", lambda where: False)
    server.open_page("http://127.0.0.1:8800/", said.append)
    assert said == ["no browser was found; open the address above in a browser"]
