"""Some thousand users and their orders, in SQLite."""
import os
import random
import sqlite3

USERS = 5000
FIRST = "Ada Grace Edsger Barbara Alan Radia Donald Frances Ken Adele Dennis Jean Tony Margaret".split()
LAST = "Lovelace Hopper Dijkstra Liskov Turing Perlman Knuth Allen Thompson Goldberg Ritchie".split()
CITIES = "Lagos Lima Oslo Kyoto Quito Accra Porto Turin Basel Minsk".split()
GOODS = "lamp chair kettle clock shelf mirror basket rug".split()


def connect(path):
    """A connection that waits for others to finish writing."""
    connection = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    return connection


def create(path):
    """A fresh database with the same content every time."""
    for name in (path, path + "-wal", path + "-shm"):
        if os.path.exists(name):
            os.remove(name)
    source = random.Random(1)
    connection = connect(path)
    connection.executescript("""
        PRAGMA journal_mode = WAL;
        CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, city TEXT NOT NULL);
        CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users,
                             item TEXT NOT NULL, cents INTEGER NOT NULL);
        CREATE INDEX orders_of_user ON orders (user_id);
        BEGIN;
    """)
    for number in range(1, USERS + 1):
        connection.execute("INSERT INTO users VALUES (?, ?, ?)", (
            number, f"{source.choice(FIRST)} {source.choice(LAST)}", source.choice(CITIES)))
        connection.executemany("INSERT INTO orders (user_id, item, cents) VALUES (?, ?, ?)", [
            (number, source.choice(GOODS), source.randrange(500, 20000))
            for _ in range(source.randrange(1, 8))])
    connection.execute("COMMIT")
    connection.close()


def user(connection, user_id):
    """A user, the orders and their sum; None when there is no such user."""
    rows = connection.execute("""
        SELECT users.id, users.name, users.city, orders.item, orders.cents
        FROM users LEFT JOIN orders ON orders.user_id = users.id
        WHERE users.id = ? ORDER BY orders.id""", (user_id,)).fetchall()
    if not rows:
        return None
    orders = [{"item": row["item"], "cents": row["cents"]} for row in rows if row["item"]]
    return {"id": rows[0]["id"], "name": rows[0]["name"], "city": rows[0]["city"],
            "orders": orders, "total_cents": sum(order["cents"] for order in orders)}


def rename(connection, user_id, name):
    """Whether there was such a user."""
    return connection.execute("UPDATE users SET name = ? WHERE id = ?",
                              (name, user_id)).rowcount == 1
