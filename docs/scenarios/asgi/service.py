"""A shop with ten endpoints on Starlette: its data is made at the start, alike in every container.

Options of the command make one endpoint slower: ``service.py NAME MILLISECONDS``.
"""

import json
import random
import sys
import time

import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

SLOW, SLOW_S = (sys.argv[1], float(sys.argv[2]) / 1000) if len(sys.argv) > 2 else ("", 0.0)
WORDS = [
    "red",
    "blue",
    "green",
    "small",
    "large",
    "cotton",
    "wool",
    "silk",
    "shirt",
    "scarf",
    "coat",
    "sock",
    "glove",
    "belt",
]
COUNT = 1000

rng = random.Random(1)
PRODUCTS = {
    number: {
        "id": number,
        "name": " ".join(rng.sample(WORDS, 3)),
        "price": rng.randrange(500, 20000),
        "category": rng.choice(WORDS[8:]),
    }
    for number in range(1, COUNT + 1)
}
CARTS = {number: [] for number in range(1, COUNT + 1)}
ORDERS = {number: {"id": number, "lines": []} for number in range(1, COUNT + 1)}


def endpoint(function):
    """Spends the time that the options say."""

    async def slowed(request):
        if function.__name__ == SLOW:
            time.sleep(SLOW_S)  # as work would: it holds the event loop
        return await function(request)

    slowed.__name__ = function.__name__
    return slowed


def number_of(request):
    return int(request.path_params["id"])


@endpoint
async def health(request):
    return JSONResponse({"ok": True})


@endpoint
async def products(request):
    limit = int(request.query_params.get("limit", 20))
    return JSONResponse(list(PRODUCTS.values())[:limit])


@endpoint
async def product(request):
    found = PRODUCTS.get(number_of(request))
    return JSONResponse(found or {}, 200 if found else 404)


@endpoint
async def categories(request):
    return JSONResponse(sorted({one["category"] for one in PRODUCTS.values()}))


@endpoint
async def search(request):
    word = request.query_params.get("q", "")
    return JSONResponse([one for one in PRODUCTS.values() if word in one["name"]][:20])


@endpoint
async def recommendations(request):
    chosen = random.Random(number_of(request)).sample(range(1, COUNT + 1), 8)
    return JSONResponse([PRODUCTS[number] for number in chosen])


@endpoint
async def cart(request):
    return JSONResponse(CARTS.get(number_of(request), []))


@endpoint
async def add_to_cart(request):
    lines = CARTS.setdefault(number_of(request), [])
    lines.append(json.loads(await request.body()))
    del lines[:-10]
    return JSONResponse({"lines": len(lines)}, 201)


@endpoint
async def order(request):
    return JSONResponse(ORDERS.get(number_of(request), {}))


@endpoint
async def create_order(request):
    wanted = json.loads(await request.body())
    number = rng.randrange(1, COUNT + 1)
    ORDERS[number] = {"id": number, "lines": wanted["lines"][:10]}
    return JSONResponse({"id": number}, 201)


ID = {"name": "id", "in": "path", "required": True}
ID["schema"] = {"type": "integer", "minimum": 1, "maximum": COUNT}
LINE = {
    "type": "object",
    "properties": {
        "product": {"type": "integer", "minimum": 1, "maximum": COUNT},
        "count": {"type": "integer", "minimum": 1, "maximum": 9},
    },
}
ORDER = {"type": "object", "properties": {"lines": {"type": "array", "items": LINE}}}
QUERY = {"in": "query", "required": True}


def operation(name, *parameters, body=None):
    made = {"operationId": name, "parameters": list(parameters), "responses": {}}
    if body is not None:
        made["requestBody"] = {"content": {"application/json": {"schema": body}}}
    return made


LIMIT = {**QUERY, "name": "limit", "schema": {"type": "integer", "default": 20}}
WORD = {**QUERY, "name": "q", "schema": {"type": "string", "example": "red"}}
DOCUMENT = {
    "openapi": "3.0.3",
    "info": {"title": "shop", "version": "1"},
    "paths": {
        "/health": {"get": operation("health")},
        "/products": {"get": operation("products", LIMIT)},
        "/products/{id}": {"get": operation("product", ID)},
        "/categories": {"get": operation("categories")},
        "/search": {"get": operation("search", WORD)},
        "/recommendations/{id}": {"get": operation("recommendations", ID)},
        "/carts/{id}": {"get": operation("cart", ID)},
        "/carts/{id}/lines": {"post": operation("add_to_cart", ID, body=LINE)},
        "/orders/{id}": {"get": operation("order", ID)},
        "/orders": {"post": operation("create_order", body=ORDER)},
    },
}
FUNCTIONS = [
    *(health, products, product, categories, search, recommendations),
    *(cart, add_to_cart, order, create_order),
]


async def openapi(request):
    return JSONResponse(DOCUMENT)


ROUTES = [
    Route(path, function, methods=[method.upper()])
    for function in FUNCTIONS
    for path, methods in DOCUMENT["paths"].items()
    for method, made in methods.items()
    if made["operationId"] == function.__name__
]
app = Starlette(routes=[*ROUTES, Route("/openapi.json", openapi)])

if __name__ == "__main__":
    uvicorn.run(app, host="0.0.0.0", port=8080, log_level="warning", access_log=False)
