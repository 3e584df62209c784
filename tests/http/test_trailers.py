"""What stands behind a body in chunks: fields that nobody may take for the header's."""

HOUR = "Cache-Control: max-age=3600\r\n"
END = b"5\r\nhello\r\n0\r\nX-Late: 1\r\nContent-Length: 3\r\nSet-Cookie: a=b\r\n\r\n"


def with_trailers(more=HOUR):
    return (f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Late\r\n{more}\r\n"
            .encode() + END)


def test_trailers_of_an_answer_stay_here(gateway, origin):
    origin.reply("/a", raw=with_trailers())
    for _ in range(2):
        answer = gateway.ask("/a")
        assert answer.status == 200 and answer.body == b"hello"
        for name in ("X-Late", "Set-Cookie", "Trailer"):
            assert answer.get(name) is None
    assert answer.is_hit and answer.get("Content-Length") == "5"


def test_trailers_of_an_answer_that_is_passed_on_stay_here(gateway, origin):
    origin.reply("/a", raw=with_trailers(""))
    wire = gateway.wire()
    for _ in range(2):
        answer = wire.get("/a", method="POST").answer()
        assert answer.body == b"hello" and answer.get("X-Late") is None
    wire.close()


def test_trailers_of_a_request_stay_here(gateway, origin):
    origin.reply("/a", body=b"x")
    wire = gateway.wire()
    wire.get("/a", method="POST", Transfer_Encoding="chunked", Trailer="X-Late", TE="trailers",
             Connection="TE")
    wire.send(END)
    assert wire.answer().status == 200
    seen = origin.seen("/a")[0]
    assert seen.body == b"hello"
    for name in ("X-Late", "Trailer", "TE", "Set-Cookie"):
        assert seen.get(name) is None
    assert wire.get("/a").answer().body == b"x"
    wire.close()


def test_te_does_not_reach_the_origin(gateway, origin):
    origin.reply("/a", body=b"x")
    gateway.ask("/a", TE="trailers, deflate;q=0.5")
    assert origin.seen("/a")[0].get("TE") is None


def test_who_expects_to_go_on_and_may_not_is_told_so_at_once(start, origin):
    gateway = start(route="max-request-body: 10")
    wire = gateway.wire()
    wire.send("POST /a HTTP/1.1\r\nHost: a.example\r\nContent-Length: 11\r\n"
              "Expect: 100-continue\r\n\r\n")
    answer = wire.answer()
    assert answer.status == 413 and answer.interim == []
    wire.close()


def test_early_hints_of_what_is_stored_are_not_stored(gateway, origin):
    origin.reply("/a", body=b"x", headers={"Cache-Control": "max-age=3600"},
                 interim=b"HTTP/1.1 103 Early Hints\r\nLink: </s.css>\r\nConnection: X-Own\r\n"
                         b"X-Own: 1\r\n\r\n")
    first = gateway.ask("/a")
    assert first.interim == [(103, [("Link", "</s.css>")])]
    assert gateway.ask("/a").is_hit and gateway.ask("/a").interim == []
