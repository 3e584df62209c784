"""How long what is stored is fresh (RFC 9111 §4.2, §5.1, §5.2, §5.3)."""
import pytest

from place import HOUR, date, now
from rules import row, shows

TAG = 'ETag: "1"'


def CC(text):
    return f"Cache-Control: {text}"


@pytest.mark.parametrize("fresh, fields", [
    row("max-age", "4.2.1-2 4.2-1", True, [CC("max-age=60")]),
    row("max-age of nothing", "4.2-1", False, [CC("max-age=0")]),
    row("max-age in capitals", "5.2-1", True, [CC("MaX-aGe=60")]),
    row("max-age quoted", "5.2-2", True, [CC('max-age="60"')]),
    row("max-age in single quotes makes no sense", "4.2.1-5", False, [CC("max-age='60'")]),
    row("max-age with zeros in front", "4.2.1-2", True, [CC("max-age=0060")]),
    row("max-age of 2^31", "4.2.1-2", True, [CC("max-age=2147483648")]),
    row("max-age beyond 2^31", "4.2.1-2", True, [CC("max-age=2147483649")]),
    row("max-age beyond 64 bits", "4.2.1-2", True, [CC("max-age=99999999999999999999999")]),
    row("max-age below 0", "4.2.1-5", False, [CC("max-age=-60")]),
    row("max-age with a plus", "4.2.1-5", False, [CC("max-age=+60")]),
    row("max-age with a fraction", "4.2.1-5", False, [CC("max-age=60.5")]),
    row("max-age with letters before", "4.2.1-5", False, [CC("max-age=a60")]),
    row("max-age with letters behind", "4.2.1-5", False, [CC("max-age=60a")]),
    row("max-age in hexadecimal", "4.2.1-5", False, [CC("max-age=0x60")]),
    row("max-age without a number", "4.2.1-5", False, [CC("max-age=")]),
    row("max-age without an argument", "4.2.1-5", False, [CC("max-age")]),
    row("max-age with a blank before =", "4.2.1-5", False, [CC("max-age =60")]),
    row("max-age with a blank behind =", "4.2.1-5", False, [CC("max-age= 60")]),
    row("max-age with a semicolon", "4.2.1-5", False, [CC("max-age=60; public")]),
    row("max-age with an open quote", "4.2.1-5", False, [CC('max-age="60')]),
    row("max-age with a quote at its end", "4.2.1-5", False, [CC('max-age=60"')]),
    row("max-age with an empty string", "4.2.1-5", False, [CC('max-age=""')]),
    row("max-age with blanks in quotes", "4.2.1-5", False, [CC('max-age=" 60 "')]),
    row("a name that ends like max-age is another", "5.2.3-1", False, [CC("x-max-age=60")]),
    row("a name that begins like max-age is another", "5.2.3-1", False, [CC("max-agex=60")]),
    row("max-age within quotes is no directive", "5.2-2", False, [CC('extension="max-age=60"')]),
    row("max-age behind quotes with a comma", "5.2-2 5.2.3-1", True,
        [CC('extension="a, b", max-age=60')]),
    row("max-age behind an escaped quote", "5.2-2", True, [CC('extension="a\\", b", max-age=60')]),
    row("max-age within quotes and 0 behind them", "5.2-2", False,
        [CC('extension="max-age=60", max-age=0')]),
    row("max-age behind directives that nobody knows", "5.2.3-1", True,
        [CC("foo, bar=1, baz=\"2\", max-age=60")]),
    row("max-age behind empty members", "5.2-1", True, [CC(", ,, max-age=60,,")]),
    row("max-age with tabs around it", "5.2-1", True, [CC("\tfoo\t,\tmax-age=60\t")]),
    row("max-age on a second line", "5.2-1", True, [CC("foo"), CC("max-age=60")]),
    row("an empty line beside max-age", "5.2-1", True, [CC(""), CC("max-age=60")]),
    row("of two max-ages the smaller", "4.2.1-4", False, [CC("max-age=60, max-age=0")]),
    row("of two max-ages the smaller, the other way", "4.2.1-4", False, [CC("max-age=0, max-age=60")]),
    row("of two lines the smaller", "4.2.1-4", False, [CC("max-age=60"), CC("max-age=0")]),
    row("of two lines the smaller, the other way", "4.2.1-4", False, [CC("max-age=0"), CC("max-age=60")]),
    row("a second max-age that makes no sense", "4.2.1-4 4.2.1-5", False, [CC("max-age=60, max-age=x")]),
    row("twice the same is that", "4.2.1-4", True, [CC("max-age=60, max-age=60")]),
    row("s-maxage over max-age of 0", "4.2.1-1 5.2.2.10-1", True, [CC("max-age=0, s-maxage=60")]),
    row("s-maxage of 0 over max-age", "4.2.1-1 5.2.2.10-1", False, [CC("max-age=60, s-maxage=0")]),
    row("s-maxage over Expires in the past", "4.2.1-1 5.3-2", True,
        [CC("s-maxage=60"), f"Expires: {date(-60)}"]),
    row("s-maxage of 0 over Expires", "5.3-2 5.2.2.10-1", False,
        [CC("s-maxage=0"), f"Expires: {date(60)}"]),
    row("s-maxage in capitals", "5.2-1", True, [CC("S-MAXAGE=60, max-age=0")]),
    row("s-maxage quoted", "5.2-2", True, [CC('s-maxage="60", max-age=0')]),
    row("s-maxage that makes no sense is none at all", "4.2.1-5", False, [CC("s-maxage=x, max-age=60")]),
    row("s-maxage below 0", "4.2.1-5", False, [CC("s-maxage=-1, max-age=60")]),
    row("of two s-maxages the smaller", "4.2.1-4", False, [CC("s-maxage=60, s-maxage=0")]),
    row("max-age over Expires in the past", "4.2.1-2 5.3-2", True,
        [CC("max-age=60"), f"Expires: {date(-60)}"]),
    row("max-age of 0 over Expires", "5.3-2", False, [CC("max-age=0"), f"Expires: {date(60)}"]),
    row("max-age over an Expires of 0", "5.3-2", True, [CC("max-age=60"), "Expires: 0"]),
    row("max-age that makes no sense over Expires", "4.2.1-5", False,
        [CC("max-age=x"), f"Expires: {date(60)}"]),
    row("Expires in the future", "4.2.1-3", True, [f"Expires: {date(60)}"]),
    row("Expires in the past", "4.2.1-3", False, [f"Expires: {date(-60)}"]),
    row("Expires with the Date of the same time", "4.2.1-3", False,
        [f"Date: {date(0)}", f"Expires: {date(0)}"]),
    row("Expires counts from Date, not from here", "4.2.1-3", True,
        [f"Date: {date(1000)}", f"Expires: {date(1060)}"]),
    row("Expires before Date", "4.2.1-3", False, [f"Date: {date(120)}", f"Expires: {date(60)}"]),
    row("Expires of 0", "5.3-1", False, ["Expires: 0"]),
    row("Expires of -1", "5.3-1", False, ["Expires: -1"]),
    row("an empty Expires", "5.3-1", False, ["Expires:"]),
    row("Expires that is a number", "5.3-1", False, ["Expires: 60"]),
    row("Expires that says never", "5.3-1", False, ["Expires: never"]),
    row("Expires in the form of RFC 850", "4.2.1-3", True, ["Expires: Monday, 18-Jul-61 10:00:00 GMT"]),
    row("Expires in the form of asctime", "4.2.1-3", True, ["Expires: Mon Jul 18 10:00:00 2061"]),
    row("Expires with a day in capitals", "4.2-2", True, ["Expires: MON, 18 Jul 2061 10:00:00 GMT"]),
    row("Expires with a month in small letters", "4.2-2", True,
        ["Expires: Mon, 18 jul 2061 10:00:00 GMT"]),
    row("Expires with a zone in small letters", "4.2-2", True,
        ["Expires: Mon, 18 Jul 2061 10:00:00 gmt"]),
    row("Expires of RFC 850 in capitals", "4.2-2", True, ["Expires: MONDAY, 18-JUL-61 10:00:00 GMT"]),
    row("Expires of asctime in capitals", "4.2-2", True, ["Expires: MON JUL 18 10:00:00 2061"]),
    row("Expires in UTC", "4.2-3 5.3-1", False, ["Expires: Mon, 18 Jul 2061 10:00:00 UTC"]),
    row("Expires in another zone", "4.2-3 5.3-1", False, ["Expires: Mon, 18 Jul 2061 10:00:00 AEST"]),
    row("Expires with an offset", "4.2-3 5.3-1", False, ["Expires: Mon, 18 Jul 2061 10:00:00 +0000"]),
    row("Expires without a zone", "5.3-1", False, ["Expires: Mon, 18 Jul 2061 10:00:00"]),
    row("Expires without a comma", "5.3-1", False, ["Expires: Mon 18 Jul 2061 10:00:00 GMT"]),
    row("Expires with dashes in a four-digit year", "5.3-1", False,
        ["Expires: Mon, 18-Jul-2061 10:00:00 GMT"]),
    row("Expires with a year of two digits", "5.3-1", False, ["Expires: Mon, 18 Jul 61 10:00:00 GMT"]),
    row("Expires with an hour of one digit", "5.3-1", False, ["Expires: Mon, 18 Jul 2061 1:00:00 GMT"]),
    row("Expires with two blanks", "5.3-1", False, ["Expires: Mon, 18  Jul 2061 10:00:00 GMT"]),
    row("Expires with periods in its time", "5.3-1", False, ["Expires: Mon, 18 Jul 2061 10.00.00 GMT"]),
    row("Expires with something behind it", "5.3-1", False,
        ["Expires: Mon, 18 Jul 2061 10:00:00 GMT; x"]),
    row("Expires twice", "5.3-1 4.2.1-4", False, ["Expires: Mon, 18 Jul 2061 10:00:00 GMT", "Expires: 0"]),
    row("Expires beyond 32 bits", "4.2.1-3", True, ["Expires: Sun, 21 Nov 2286 04:46:39 GMT"]),
    row("Expires in the year 9999", "4.2.1-3", True, ["Expires: Fri, 31 Dec 9999 23:59:59 GMT"]),
    row("Expires on a day that there is not", "5.3-1", False, ["Expires: Mon, 30 Feb 2061 10:00:00 GMT"]),
    row("a tenth of what passed since Last-Modified", "4.2.2-3", True,
        [f"Last-Modified: {date(-100000)}"]),
    row("Last-Modified a moment ago", "4.2.2-3", False, [f"Last-Modified: {date(-2)}"]),
    row("Last-Modified in the future", "4.2.2-3", False, [f"Last-Modified: {date(100000)}"]),
    row("Last-Modified that is no date", "4.2.2-3", False, ["Last-Modified: yesterday"]),
    row("no guess beside max-age of 0", "4.2.2-1", False,
        [CC("max-age=0"), f"Last-Modified: {date(-100000)}"]),
    row("no guess beside s-maxage of 0", "4.2.2-1", False,
        [CC("s-maxage=0"), f"Last-Modified: {date(-100000)}"]),
    row("no guess beside an Expires that is no date", "4.2.2-1", False,
        ["Expires: 0", f"Last-Modified: {date(-100000)}"]),
    row("no guess beside no-cache", "4-3", False, [CC("no-cache"), f"Last-Modified: {date(-100000)}"]),
    row("no guess beyond a day", "4.2.2-3", False,
        [f"Last-Modified: {date(-100000000)}", "Age: 90000"]),
    row("the guess counts from Date", "4.2.2-3", False,
        [f"Date: {date(-90000)}", f"Last-Modified: {date(-100000)}"]),
    row("Age below max-age", "4.2.3-1 4.2-1", True, [HOUR, "Age: 1800"]),
    row("Age above max-age", "4.2.3-1 4.2-1 5.2.2.1-1", False, [HOUR, "Age: 7200"]),
    row("Age equal to max-age", "4.2-1", False, [HOUR, "Age: 3600"]),
    row("Age above s-maxage", "4.2.3-1", False, [CC("s-maxage=60, max-age=7200"), "Age: 100"]),
    row("Age above what Expires leaves", "4.2.3-1", False, [f"Expires: {date(60)}", "Age: 100"]),
    row("Age of 2^31", "5.1-3", False, [HOUR, "Age: 2147483648"]),
    row("Age beyond 64 bits", "5.1-3", False, [HOUR, "Age: 99999999999999999999999"]),
    row("Age below 0 is ignored", "5.1-2", True, [HOUR, "Age: -7200"]),
    row("Age that is no number is ignored", "5.1-2", True, [HOUR, "Age: old"]),
    row("an empty Age is ignored", "5.1-2", True, [HOUR, "Age:"]),
    row("Age with a fraction is ignored", "5.1-2", True, [HOUR, "Age: 7200.0"]),
    row("Age with a parameter is ignored", "5.1-2", True, [HOUR, "Age: 7200;a=b"]),
    row("Age in quotes is ignored", "5.1-2", True, [HOUR, 'Age: "7200"']),
    row("of several Ages the first, old", "5.1-1", False, [HOUR, "Age: 7200, 0"]),
    row("of several Ages the first, young", "5.1-1", True, [HOUR, "Age: 0, 7200"]),
    row("of several lines of Age the first, old", "5.1-1", False, [HOUR, "Age: 7200", "Age: 0"]),
    row("of several lines of Age the first, young", "5.1-1", True, [HOUR, "Age: 0", "Age: 7200"]),
    row("a first Age that is no number is ignored, with all behind it", "5.1-1 5.1-2", True,
        [HOUR, "Age: x, 7200"]),
    row("Date in the past counts as age", "4.2.3-1", False, [HOUR, f"Date: {date(-7200)}"]),
    row("Date a little in the past", "4.2.3-1", True, [HOUR, f"Date: {date(-1800)}"]),
    row("Date in the future is no age below 0", "4.2.3-1", True, [HOUR, f"Date: {date(7200)}"]),
    row("Age counts when Date is young", "4.2.3-1", False, [HOUR, f"Date: {date(0)}", "Age: 7200"]),
    row("Date counts when Age is young", "4.2.3-1", False, [HOUR, f"Date: {date(-7200)}", "Age: 1"]),
    row("Age and Date are not added up", "4.2.3-1", True, [HOUR, f"Date: {date(-2000)}", "Age: 2000"]),
    row("Date that is no date is none", "4.2.3-1", True, [HOUR, "Date: yesterday"]),
    row("Date in capitals counts", "4.2-2", False, [HOUR, f"Date: {date(-7200).upper()}"]),
    row("two Dates are none", "4.2.3-1", True, [HOUR, f"Date: {date(-7200)}", f"Date: {date(0)}"]),
    row("Pragma of an answer means nothing", "5.4-2", True, [HOUR, "Pragma: no-cache"]),
    row("Warning of an answer means nothing", "5.5-1", True, [HOUR, 'Warning: 110 - "stale"']),
    row("no-cache", "4-3 5.2.2.4-1", False, [CC("no-cache, max-age=60")]),
    row("no-cache in capitals", "5.2-1 5.2.2.4-1", False, [CC("No-Cache, max-age=60")]),
    row("no-cache on a second line", "5.2.2.4-1", False, [CC("max-age=60"), CC("no-cache")]),
    row("no-cache wins over s-maxage", "5.2.2.4-1", False, [CC("s-maxage=60, no-cache")]),
    row("no-cache wins over immutable", "5.2.2.4-1", False, [CC("max-age=60, immutable, no-cache")]),
    row("no-cache with a list that makes no sense", "5.2.2.4-1", False, [CC('no-cache="a b", max-age=60')]),
    row("no-cache for a field that is not there", "5.2.2.4-2", True, [CC('no-cache="x-a", max-age=60')]),
    row("no-cache within quotes is no directive", "5.2-2", True, [CC('x="no-cache", max-age=60')]),
    row("must-revalidate does not concern what is fresh", "5.2.2.2-1", True,
        [CC("max-age=60, must-revalidate")]),
    row("proxy-revalidate does not concern what is fresh", "5.2.2.8-1", True,
        [CC("max-age=60, proxy-revalidate")]),
    row("a directive of requests in an answer means nothing", "5.2.3-1", True,
        [CC("max-age=60, only-if-cached, min-fresh=100, max-stale=5")]),
    row("Cache-Control with nothing but commas", "3-7", False, [CC(",,,")]),
    row("a quote that nobody closes hides no no-store", "4.2.1-5", False, [CC('max-age=60, x=", no-store')]),
])
def test_fresh_or_not(at, fresh, fields):
    assert at.is_given_again(*fields) == fresh


@pytest.mark.parametrize("fields, age", [
    row("an Age that came goes on", "4-5 4.2.3-1", ["Age: 100"], 100),
    row("a Date in the past is told as Age", "4-5", [f"Date: {date(-200)}"], 200),
    row("the larger of both is told", "4-5 4.2.3-1", ["Age: 300", f"Date: {date(-200)}"], 300),
    row("the larger of both, the other way", "4-5", ["Age: 100", f"Date: {date(-200)}"], 200),
    row("without either it begins at 0", "4-5 4.2.3-3", [], 0),
    row("an Age that makes no sense is replaced", "4-5 5.1-2", ["Age: old"], 0),
    row("of several Ages one is left", "4-5 5.1-1", ["Age: 7, 8", "Age: 9"], 7),
])
def test_the_age_that_is_told(at, fields, age):
    at.says(HOUR, *fields)
    at.get()
    told = int(at.get().get("Age"))
    assert at.count == 1 and age <= told <= age + 60


@shows("4.2.3-2")
def test_the_time_that_the_origin_took_counts(at):
    gate = at.origin.hold(at.path)
    at.says(HOUR, "Age: 10")
    import threading
    import time
    got = []
    thread = threading.Thread(target=lambda: got.append(at.get()))
    thread.start()
    at.origin.wait_for(at.path)
    time.sleep(1.1)
    gate.open()
    thread.join(30)
    assert int(at.get().get("Age")) >= 11


@shows("5.2-3")
def test_cache_control_passes_as_it_came(at):
    text = 'max-age=3600, foo="bar, baz", no-transform'
    at.says(CC(text))
    assert at.get().get("Cache-Control") == text
    assert at.get().get("Cache-Control") == text and at.count == 1


@shows("5.3-2")
def test_expires_passes_as_it_came(at):
    at.says(HOUR, "Expires: never")
    at.get()
    assert at.get().get("Expires") == "never"


@shows("4.2.3-1")
def test_the_date_stays_the_origins(at):
    told = now(-50)
    at.says(HOUR, f"Date: {told}")
    at.get()
    assert at.get().get("Date") == told


def test_an_answer_without_a_date_gets_one(at):
    at.says(HOUR)
    first = at.get().get("Date")
    assert first is not None and at.get().get("Date") == first


@shows("5.5-1")
def test_no_warning_is_made(at):
    at.says(HOUR, "Age: 100000", CC("stale-while-revalidate=1000000"), TAG)
    at.get()
    assert at.get().get("Warning") is None


@shows("5.2.2.6-1")
def test_no_transform_leaves_the_body_alone(at):
    at.says(CC("max-age=60, no-transform"), "Content-Type: text/plain", body=b"abc " * 1000)
    at.get("Accept-Encoding: gzip")
    second = at.get("Accept-Encoding: gzip")
    assert second.body == b"abc " * 1000 and second.get("Content-Encoding") is None
