"""An ordinary FastAPI application: a model, a database, and somebody else's API.

    uvicorn app:app --port 8000

Nothing in it knows that Larder stands in front of it, but for two things that any cache would
need: the answers say how long they are good for (Cache-Control) and what they are about
(Cache-Tag). And when a user changes, one call of the Redis client that the application has anyway
removes what was cached about that user.

Settings (environment): POSTS_URL, where the external API is; REDIS_URL, where Larder speaks the
Redis protocol; DATABASE, the SQLite file.
"""
import hashlib
import json
import os
import sqlite3
import tempfile
import threading
import urllib.error
import urllib.request

import redis
from fastapi import Depends, FastAPI, HTTPException, Path, Query, Response
from pydantic import BaseModel, Field

import database
import iris

POSTS_URL = os.environ.get("POSTS_URL", "http://127.0.0.1:8100")
REDIS_URL = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379")
DATABASE = os.environ.get("DATABASE", os.path.join(tempfile.gettempdir(), "larder-example.db"))

app = FastAPI(title="Irises, users and posts")
cache = redis.Redis.from_url(REDIS_URL, decode_responses=True, socket_timeout=2,
                             socket_connect_timeout=0.5)
model = iris.train()
database.create(DATABASE)
connections = threading.local()  # SQLite: one connection a thread


def db():
    """This thread's connection to the database."""
    if not hasattr(connections, "one"):
        connections.one = database.connect(DATABASE)
    return connections.one


# ---- /predict: a model ---------------------------------------------------------------------------

class Flower(BaseModel):
    """Centimetres, within what an iris can measure."""
    sepal_length: float = Field(..., gt=0, le=20)
    sepal_width: float = Field(..., gt=0, le=20)
    petal_length: float = Field(..., gt=0, le=20)
    petal_width: float = Field(..., gt=0, le=20)


def flower_of_query(sepal_length: float = Query(..., gt=0, le=20),
                    sepal_width: float = Query(..., gt=0, le=20),
                    petal_length: float = Query(..., gt=0, le=20),
                    petal_width: float = Query(..., gt=0, le=20)):
    """The same four numbers out of a URL."""
    return Flower(sepal_length=sepal_length, sepal_width=sepal_width,
                  petal_length=petal_length, petal_width=petal_width)


def predict(flower):
    """What the model says."""
    ranked = model.predict([getattr(flower, name) for name in iris.FEATURES])
    return {"species": ranked[0][0],
            "probabilities": {species: round(p, 6) for species, p in ranked}}


@app.get("/predict")
def predict_get(response: Response, flower: Flower = Depends(flower_of_query)):
    """The gateway caches this one: the numbers are in the URL, and the answer never changes."""
    response.headers["Cache-Control"] = "public, max-age=3600"
    response.headers["Cache-Tag"] = "model:iris"
    return predict(flower)


@app.post("/predict")
def predict_post(flower: Flower, response: Response):
    """A POST is not cached by a gateway, so the handler does it, the way such code is written for
    Redis. It is Larder that answers."""
    text = json.dumps(flower.dict(), sort_keys=True)
    key = "predict:" + hashlib.sha256(text.encode()).hexdigest()
    try:
        known = cache.get(key)
    except redis.RedisError:
        known = None  # no cache is no reason to give no answer
    response.headers["X-Predict"] = "computed" if known is None else "cached"
    if known is not None:
        return json.loads(known)
    answer = predict(flower)
    try:
        cache.set(key, json.dumps(answer), ex=3600)
    except redis.RedisError:
        pass
    return answer


# ---- /users: a database ----------------------------------------------------------------------------

class Change(BaseModel):
    """What may be changed about a user."""
    name: str = Field(..., min_length=1, max_length=100)


UserId = Path(..., ge=1, le=1_000_000_000)


@app.get("/users/{user_id}")
def user_get(response: Response, user_id: int = UserId):
    """A user with the orders, from SQLite."""
    user = database.user(db(), user_id)
    if user is None:
        raise HTTPException(404, "no such user")
    response.headers["Cache-Control"] = "public, max-age=60, stale-while-revalidate=30"
    response.headers["Cache-Tag"] = f"users, user:{user_id}"
    return user


@app.put("/users/{user_id}")
def user_put(change: Change, user_id: int = UserId):
    """Writes first, invalidates then: nobody sees the old name after this has answered."""
    if not database.rename(db(), user_id, change.name):
        raise HTTPException(404, "no such user")
    try:
        cache.execute_command("LARDER.PURGE", "TAG", f"user:{user_id}")
    except redis.RedisError as error:
        raise HTTPException(503, f"saved, but the cache may show the old name: {error}") from error
    return database.user(db(), user_id)


# ---- /posts: somebody else's API ---------------------------------------------------------------------

@app.get("/posts/{post_id}")
def post_get(response: Response, post_id: int = UserId):
    """A post, from far away. How long it is cached is written in larder.yaml."""
    try:
        with urllib.request.urlopen(f"{POSTS_URL}/posts/{post_id}", timeout=10) as answer:
            body = json.load(answer)
    except urllib.error.HTTPError as error:
        raise HTTPException(404 if error.code == 404 else 502, "no such post") from error
    except OSError as error:
        raise HTTPException(502, "the posts cannot be reached") from error
    response.headers["Cache-Tag"] = f"posts, post:{post_id}"
    return body


# ---- how many requests came through ------------------------------------------------------------------

class Counter:
    """Counts requests before they reach the application. The demo compares it with the number of
    requests that its clients sent."""

    def __init__(self, inner):
        self.inner = inner
        self.requests = 0

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http" and scope["path"] == "/count":
            body = json.dumps({"requests": self.requests}).encode()
            await send({"type": "http.response.start", "status": 200, "headers": [
                (b"content-type", b"application/json"), (b"cache-control", b"no-store"),
                (b"content-length", str(len(body)).encode())]})
            await send({"type": "http.response.body", "body": body})
            return
        self.requests += scope["type"] == "http"
        await self.inner(scope, receive, send)


api = app
app = Counter(api)
